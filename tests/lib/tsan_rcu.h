/*
 * tsan_rcu: tells ThreadSanitizer what liburcu, which is not built with it, orders.  For
 *
 *   make B=build/tsan OPT="-O1 -g -include tests/lib/tsan_rcu.h" SAN=-fsanitize=thread \
 *       HARDEN= HARDEN_L=
 *   B=build/tsan pytest tests/system/test_serve_*.py
 */
#ifndef __ASSEMBLER__
#include <urcu-qsbr.h>
#include <sanitizer/tsan_interface.h>

__attribute__((weak)) char tsan_rcu;

#undef rcu_thread_online
#define rcu_thread_online() (urcu_qsbr_thread_online(), __tsan_acquire(&tsan_rcu))
#undef rcu_thread_offline
#define rcu_thread_offline() (__tsan_release(&tsan_rcu), urcu_qsbr_thread_offline())
#undef rcu_quiescent_state
#define rcu_quiescent_state() (__tsan_release(&tsan_rcu), urcu_qsbr_quiescent_state(), \
	__tsan_acquire(&tsan_rcu))
#undef rcu_unregister_thread
#define rcu_unregister_thread() (__tsan_release(&tsan_rcu), urcu_qsbr_unregister_thread())
#undef synchronize_rcu
#define synchronize_rcu() \
	(__tsan_release(&tsan_rcu), urcu_qsbr_synchronize_rcu(), __tsan_acquire(&tsan_rcu))
#undef rcu_dereference
#define rcu_dereference(p) __extension__ ({ \
	__typeof__(p) p_ = __atomic_load_n(&(p), __ATOMIC_RELAXED); \
	__tsan_acquire(&tsan_rcu); p_; })
#undef rcu_xchg_pointer
#define rcu_xchg_pointer(p, v) \
	(__tsan_release(&tsan_rcu), __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST))
#endif
