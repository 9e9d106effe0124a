// CBLAS, and the few LAPACK routines that are used, by their Fortran symbols: LAPACKE would load a second BLAS.
#pragma once
#include <cblas.h>

// Cholesky factorization of a symmetric positive definite matrix (column-major).
void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
// Inverse of a symmetric positive definite matrix from its Cholesky factor (column-major).
void dpotri_(const char *uplo, const int *n, double *a, const int *lda, int *info);
// Inverse of a triangular matrix (column-major).
void dtrtri_(const char *uplo, const char *diag, const int *n, double *a, const int *lda, int *info);
