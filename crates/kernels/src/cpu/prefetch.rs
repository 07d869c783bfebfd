//! Memory that will be read soon.

/// How far ahead, in bytes. The processor follows a stream by itself, but not from one page (4 KiB) into the
/// next.
const AHEAD: usize = 4096;

/// Asks for what lies [`AHEAD`] of `here`, in an array that is read from front to back.
#[inline(always)]
pub(super) fn prefetch<T>(here: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let there = here.as_ptr().cast::<i8>().wrapping_add(AHEAD);
        // SAFETY: a prefetch is a hint. It reads nothing, and an address that is not there is passed over.
        #[allow(unsafe_code)]
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(there);
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = here;
}
