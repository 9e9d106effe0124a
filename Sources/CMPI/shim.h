// What Swift's importer cannot see of mpi.h, and what differs between its implementations.
//
// mpi.h spells its constants as macros around casts, and its handles are pointers in Open MPI but integers in MPICH, which
// Swift would import as different types. Each handle is therefore a structure of one member here, so that the Swift side is
// the same for both, and each call that has a non-blocking twin takes an optional request: NULL is the blocking call.
#pragma once
#define OMPI_SKIP_MPICXX 1
#define MPICH_SKIP_MPICXX 1
#include <mpi.h>
#include <stddef.h>

typedef struct { MPI_Comm value; } CMPIComm;
typedef struct { MPI_Datatype value; } CMPIType;
typedef struct { MPI_Op value; } CMPIOp;
typedef struct { MPI_Request value; } CMPIRequest;
typedef struct { MPI_Message value; } CMPIMessage;
typedef struct { MPI_Win value; } CMPIWin;

// Source, tag and length of a received message.
typedef struct { int source, tag, count; } CMPIStatus;

static inline CMPIComm cmpi_comm_world(void) { return (CMPIComm){MPI_COMM_WORLD}; }
static inline CMPIRequest cmpi_request_null(void) { return (CMPIRequest){MPI_REQUEST_NULL}; }
static inline int cmpi_request_is_null(CMPIRequest request) { return request.value == MPI_REQUEST_NULL; }
static inline void *cmpi_in_place(void) { return MPI_IN_PLACE; }
static inline int cmpi_any_source(void) { return MPI_ANY_SOURCE; }
static inline int cmpi_max_string(void) {
  int longest = MPI_MAX_ERROR_STRING;
  if (MPI_MAX_PROCESSOR_NAME > longest) longest = MPI_MAX_PROCESSOR_NAME;
  if (MPI_MAX_LIBRARY_VERSION_STRING > longest) longest = MPI_MAX_LIBRARY_VERSION_STRING;
  return longest + 1;
}

static inline CMPIType cmpi_uint8(void) { return (CMPIType){MPI_UINT8_T}; }
static inline CMPIType cmpi_int8(void) { return (CMPIType){MPI_INT8_T}; }
static inline CMPIType cmpi_int32(void) { return (CMPIType){MPI_INT32_T}; }
static inline CMPIType cmpi_uint32(void) { return (CMPIType){MPI_UINT32_T}; }
static inline CMPIType cmpi_int64(void) { return (CMPIType){MPI_INT64_T}; }
static inline CMPIType cmpi_uint64(void) { return (CMPIType){MPI_UINT64_T}; }
static inline CMPIType cmpi_float(void) { return (CMPIType){MPI_FLOAT}; }
static inline CMPIType cmpi_double(void) { return (CMPIType){MPI_DOUBLE}; }

static inline CMPIOp cmpi_sum(void) { return (CMPIOp){MPI_SUM}; }
static inline CMPIOp cmpi_min(void) { return (CMPIOp){MPI_MIN}; }
static inline CMPIOp cmpi_max(void) { return (CMPIOp){MPI_MAX}; }

// Environment.

static inline int cmpi_init_thread(int required, int *provided) {
  return MPI_Init_thread(NULL, NULL, required, provided);
}
static inline int cmpi_abort(int status) { return MPI_Abort(MPI_COMM_WORLD, status); }
// Whether MPI may be called: after MPI_Init_thread and before MPI_Finalize.
static inline int cmpi_is_running(void) {
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  return initialized && !finalized;
}
static inline int cmpi_was_initialized(void) {
  int initialized = 0;
  MPI_Initialized(&initialized);
  return initialized;
}

// Communicators. Each new one returns errors instead of ending the job.

static inline int cmpi_return_errors(CMPIComm comm) { return MPI_Comm_set_errhandler(comm.value, MPI_ERRORS_RETURN); }
static inline int cmpi_comm_rank(CMPIComm comm, int *rank) { return MPI_Comm_rank(comm.value, rank); }
static inline int cmpi_comm_size(CMPIComm comm, int *size) { return MPI_Comm_size(comm.value, size); }
static inline int cmpi_comm_free(CMPIComm *comm) { return MPI_Comm_free(&comm->value); }
static inline int cmpi_comm_dup(CMPIComm comm, CMPIComm *result) { return MPI_Comm_dup(comm.value, &result->value); }
static inline int cmpi_comm_split(CMPIComm comm, int color, int key, CMPIComm *result) {
  return MPI_Comm_split(comm.value, color, key, &result->value);
}
static inline int cmpi_comm_split_shared(CMPIComm comm, int key, CMPIComm *result) {
  return MPI_Comm_split_type(comm.value, MPI_COMM_TYPE_SHARED, key, MPI_INFO_NULL, &result->value);
}
static inline int cmpi_comm_create_group(CMPIComm comm, const int *ranks, int count, int tag, CMPIComm *result) {
  MPI_Group all, some;
  int code = MPI_Comm_group(comm.value, &all);
  if (code != MPI_SUCCESS) return code;
  code = MPI_Group_incl(all, count, ranks, &some);
  if (code == MPI_SUCCESS) {
    code = MPI_Comm_create_group(comm.value, some, tag, &result->value);
    MPI_Group_free(&some);
  }
  MPI_Group_free(&all);
  return code;
}

// Collectives.

static inline int cmpi_barrier(CMPIComm comm, CMPIRequest *request) {
  return request ? MPI_Ibarrier(comm.value, &request->value) : MPI_Barrier(comm.value);
}
static inline int cmpi_bcast(void *buffer, int count, CMPIType type, int root, CMPIComm comm, CMPIRequest *request) {
  return request ? MPI_Ibcast(buffer, count, type.value, root, comm.value, &request->value)
                 : MPI_Bcast(buffer, count, type.value, root, comm.value);
}
static inline int cmpi_reduce(const void *input, void *output, int count, CMPIType type, CMPIOp op, int root,
                              CMPIComm comm, CMPIRequest *request) {
  return request
             ? MPI_Ireduce(input, output, count, type.value, op.value, root, comm.value, &request->value)
             : MPI_Reduce(input, output, count, type.value, op.value, root, comm.value);
}
static inline int cmpi_allreduce(const void *input, void *output, int count, CMPIType type, CMPIOp op, CMPIComm comm,
                                 CMPIRequest *request) {
  return request ? MPI_Iallreduce(input, output, count, type.value, op.value, comm.value, &request->value)
                 : MPI_Allreduce(input, output, count, type.value, op.value, comm.value);
}
static inline int cmpi_gatherv(const void *input, int count, void *output, const int *counts, const int *starts,
                               CMPIType type, int root, CMPIComm comm, CMPIRequest *request) {
  return request ? MPI_Igatherv(input, count, type.value, output, counts, starts, type.value, root, comm.value,
                                &request->value)
                 : MPI_Gatherv(input, count, type.value, output, counts, starts, type.value, root, comm.value);
}
static inline int cmpi_gather(const void *input, int count, void *output, CMPIType type, int root, CMPIComm comm,
                              CMPIRequest *request) {
  return request ? MPI_Igather(input, count, type.value, output, count, type.value, root, comm.value, &request->value)
                 : MPI_Gather(input, count, type.value, output, count, type.value, root, comm.value);
}
static inline int cmpi_allgather(const void *input, int count, void *output, CMPIType type, CMPIComm comm,
                                 CMPIRequest *request) {
  return request ? MPI_Iallgather(input, count, type.value, output, count, type.value, comm.value, &request->value)
                 : MPI_Allgather(input, count, type.value, output, count, type.value, comm.value);
}
static inline int cmpi_allgatherv(const void *input, int count, void *output, const int *counts, const int *starts,
                                  CMPIType type, CMPIComm comm, CMPIRequest *request) {
  return request ? MPI_Iallgatherv(input, count, type.value, output, counts, starts, type.value, comm.value,
                                   &request->value)
                 : MPI_Allgatherv(input, count, type.value, output, counts, starts, type.value, comm.value);
}
static inline int cmpi_scatterv(const void *input, const int *counts, const int *starts, void *output, int count,
                                CMPIType type, int root, CMPIComm comm, CMPIRequest *request) {
  return request ? MPI_Iscatterv(input, counts, starts, type.value, output, count, type.value, root, comm.value,
                                 &request->value)
                 : MPI_Scatterv(input, counts, starts, type.value, output, count, type.value, root, comm.value);
}

// Messages.

static inline int cmpi_send(const void *buffer, int count, CMPIType type, int rank, int tag, CMPIComm comm,
                            CMPIRequest *request) {
  return request ? MPI_Isend(buffer, count, type.value, rank, tag, comm.value, &request->value)
                 : MPI_Send(buffer, count, type.value, rank, tag, comm.value);
}
static inline int cmpi_irecv(void *buffer, int count, CMPIType type, int rank, int tag, CMPIComm comm,
                             CMPIRequest *request) {
  return MPI_Irecv(buffer, count, type.value, rank, tag, comm.value, &request->value);
}
static inline int cmpi_status_of(MPI_Status *from, CMPIType type, CMPIStatus *status) {
  status->source = from->MPI_SOURCE;
  status->tag = from->MPI_TAG;
  return MPI_Get_count(from, type.value, &status->count);
}
// Finds the next message and takes it out of the queue, so that no other receive can match it.
static inline int cmpi_mprobe(int rank, int tag, CMPIType type, CMPIComm comm, CMPIMessage *message,
                              CMPIStatus *status) {
  MPI_Status found;
  int code = MPI_Mprobe(rank, tag, comm.value, &message->value, &found);
  return code == MPI_SUCCESS ? cmpi_status_of(&found, type, status) : code;
}
static inline int cmpi_improbe(int rank, int tag, CMPIType type, CMPIComm comm, int *flag, CMPIMessage *message,
                               CMPIStatus *status) {
  MPI_Status found;
  int code = MPI_Improbe(rank, tag, comm.value, flag, &message->value, &found);
  return code == MPI_SUCCESS && *flag ? cmpi_status_of(&found, type, status) : code;
}
static inline int cmpi_mrecv(void *buffer, int count, CMPIType type, CMPIMessage *message) {
  return MPI_Mrecv(buffer, count, type.value, &message->value, MPI_STATUS_IGNORE);
}

// Windows: memory that all ranks of a node map. The first rank of `comm` contributes all bytes; `base` is where they are.

static inline int cmpi_win_allocate_shared(long bytes, CMPIComm comm, void **base, CMPIWin *window) {
  int rank, unit;
  MPI_Aint size;
  int code = MPI_Comm_rank(comm.value, &rank);
  if (code == MPI_SUCCESS) {
    code = MPI_Win_allocate_shared(rank == 0 ? bytes : 0, 1, MPI_INFO_NULL, comm.value, base, &window->value);
  }
  if (code == MPI_SUCCESS) code = MPI_Win_set_errhandler(window->value, MPI_ERRORS_RETURN);
  if (code == MPI_SUCCESS) code = MPI_Win_shared_query(window->value, 0, &size, &unit, base);
  return code;
}
static inline int cmpi_win_lock_all(CMPIWin window) { return MPI_Win_lock_all(MPI_MODE_NOCHECK, window.value); }
static inline int cmpi_win_unlock_all(CMPIWin window) { return MPI_Win_unlock_all(window.value); }
static inline int cmpi_win_sync(CMPIWin window) { return MPI_Win_sync(window.value); }
static inline int cmpi_win_free(CMPIWin *window) { return MPI_Win_free(&window->value); }

// Requests.

// A receive that is cancelled becomes complete, whether or not its message came.
static inline int cmpi_cancel(CMPIRequest *request) { return MPI_Cancel(&request->value); }
// The status is filled in when the request is complete.
static inline int cmpi_test(CMPIRequest *request, int *done, CMPIType type, CMPIStatus *status) {
  MPI_Status found;
  int code = MPI_Test(&request->value, done, &found);
  return code == MPI_SUCCESS && *done ? cmpi_status_of(&found, type, status) : code;
}
static inline int cmpi_wait(CMPIRequest *request, CMPIType type, CMPIStatus *status) {
  MPI_Status found;
  int code = MPI_Wait(&request->value, &found);
  return code == MPI_SUCCESS ? cmpi_status_of(&found, type, status) : code;
}
