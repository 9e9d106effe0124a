// mpi.h spells its handles as macros around casts, which Swift's importer cannot see.
// Each becomes a static inline function here.
#pragma once
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>

static inline MPI_Comm shim_comm_world(void) { return MPI_COMM_WORLD; }
