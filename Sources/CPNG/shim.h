#pragma once
// libpng's simplified interface: errors come back as messages, without the setjmp that Swift cannot call.
#include <png.h>

// Macros with casts, which Swift does not import.
enum {
  cpng_version = PNG_IMAGE_VERSION,
  cpng_format_rgb = PNG_FORMAT_RGB,
  cpng_format_rgb_colormap = PNG_FORMAT_RGB_COLORMAP,
};

static inline int cpng_failed(const png_image *image) { return PNG_IMAGE_FAILED(*image); }

static inline const char *cpng_message(const png_image *image) { return image->message; }
