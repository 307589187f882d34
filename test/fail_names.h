/* SPDX-License-Identifier: MIT */
/*
 * The calls that have other names where sizes of files and times are wider than long: glibc's headers
 * send the usual names there; musl has one name for sizes of files. To be included after these. The Makefile reads the names, too.
 */
#ifndef TEST_FAIL_NAMES_H
#define TEST_FAIL_NAMES_H

#if defined(__GLIBC__) && defined(__USE_FILE_OFFSET64)
#define __real_pread __real_pread64
#define __wrap_pread __wrap_pread64
#define __real_pwrite __real_pwrite64
#define __wrap_pwrite __wrap_pwrite64
#define __real_preadv __real_preadv64
#define __wrap_preadv __wrap_preadv64
#define __real_pwritev __real_pwritev64
#define __wrap_pwritev __wrap_pwritev64
#define __real_preadv2 __real_preadv64v2
#define __wrap_preadv2 __wrap_preadv64v2
#define __real_pwritev2 __real_pwritev64v2
#define __wrap_pwritev2 __wrap_pwritev64v2
#define __real_ftruncate __real_ftruncate64
#define __wrap_ftruncate __wrap_ftruncate64
#define __real_lseek __real_lseek64
#define __wrap_lseek __wrap_lseek64
#define __real_open __real_open64
#define __wrap_open __wrap_open64
#define __real_readdir __real_readdir64
#define __wrap_readdir __wrap_readdir64
#define __real_sendfile __real_sendfile64
#define __wrap_sendfile __wrap_sendfile64
#endif

/* Since 2.40 the first is also defined where time_t has 64 bits anyway. */
#if defined(__GLIBC__) && defined(__USE_TIME_BITS64) && __TIMESIZE == 32
#define __real_fcntl __real___fcntl_time64
#define __wrap_fcntl __wrap___fcntl_time64
#define __real_ioctl __real___ioctl_time64
#define __wrap_ioctl __wrap___ioctl_time64
#define __real_stat __real___stat64_time64
#define __wrap_stat __wrap___stat64_time64
#define __real_lstat __real___lstat64_time64
#define __wrap_lstat __wrap___lstat64_time64
#define __real_fstat __real___fstat64_time64
#define __wrap_fstat __wrap___fstat64_time64
#define __real_getsockopt __real___getsockopt64
#define __wrap_getsockopt __wrap___getsockopt64
#define __real_setsockopt __real___setsockopt64
#define __wrap_setsockopt __wrap___setsockopt64
#define __real_recvmsg __real___recvmsg64
#define __wrap_recvmsg __wrap___recvmsg64
#define __real_sendmsg __real___sendmsg64
#define __wrap_sendmsg __wrap___sendmsg64
#define __real_nanosleep __real___nanosleep64
#define __wrap_nanosleep __wrap___nanosleep64
#define __real_ppoll __real___ppoll64
#define __wrap_ppoll __wrap___ppoll64
#define __real_pselect __real___pselect64
#define __wrap_pselect __wrap___pselect64
#define __real_sigtimedwait __real___sigtimedwait64
#define __wrap_sigtimedwait __wrap___sigtimedwait64
#define __real_epoll_pwait2 __real___epoll_pwait2_time64
#define __wrap_epoll_pwait2 __wrap___epoll_pwait2_time64
#endif

/* musl does so where time_t was of 32 bits once. */
#if defined(_REDIR_TIME64) && _REDIR_TIME64
#define __real_stat __real___stat_time64
#define __wrap_stat __wrap___stat_time64
#define __real_lstat __real___lstat_time64
#define __wrap_lstat __wrap___lstat_time64
#define __real_fstat __real___fstat_time64
#define __wrap_fstat __wrap___fstat_time64
#define __real_nanosleep __real___nanosleep_time64
#define __wrap_nanosleep __wrap___nanosleep_time64
#define __real_ppoll __real___ppoll_time64
#define __wrap_ppoll __wrap___ppoll_time64
#define __real_pselect __real___pselect_time64
#define __wrap_pselect __wrap___pselect_time64
#define __real_sigtimedwait __real___sigtimedwait_time64
#define __wrap_sigtimedwait __wrap___sigtimedwait_time64
#endif

#endif
