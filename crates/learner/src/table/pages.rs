//! Memory for tables far larger than the caches.

use std::sync::atomic::AtomicU64;

/// Zeros that take no memory before they are written to: large ones come as untouched pages, the largest of them on huge pages where
/// the system has such. A table of gigabytes is read in places far apart, and with small pages finding the page costs as much again as
/// reading the line.
pub(crate) fn zeroed(len: usize) -> Box<[AtomicU64]> {
    // SAFETY: an atomic whose bytes are all zero is a valid one, of the value 0.
    let words: Box<[AtomicU64]> = unsafe { Box::new_zeroed_slice(len).assume_init() };
    #[cfg(target_os = "linux")]
    prefer_huge(&words);
    words
}

/// Asks for huge pages under all of it but its ends. What the system answers is without effect on what the program computes.
#[cfg(target_os = "linux")]
fn prefer_huge(words: &[AtomicU64]) {
    const HUGE_BYTES: usize = 2 << 20;
    let (start, bytes) = (words.as_ptr() as usize, size_of_val(words));
    let skipped = start.next_multiple_of(HUGE_BYTES) - start;
    let whole = bytes.saturating_sub(skipped) / HUGE_BYTES * HUGE_BYTES;
    if whole > 0 {
        let from = words.as_ptr().cast::<u8>().wrapping_add(skipped);
        // SAFETY: the range lies within memory of our own, and the advice changes nothing that is stored there.
        let _ = unsafe { rustix::mm::madvise(from.cast_mut().cast(), whole, rustix::mm::Advice::LinuxHugepage) };
    }
}
