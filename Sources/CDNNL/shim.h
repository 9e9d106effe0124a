// oneDNN's C API, and the OpenMP call that bounds the threads a primitive may start from the calling thread.
#pragma once
#include <dnnl.h>

void omp_set_num_threads(int threads);
