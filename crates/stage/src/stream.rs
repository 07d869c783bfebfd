//! Reading, working and writing side by side.

use std::panic::resume_unwind;
use std::sync::mpsc::sync_channel;
use std::thread;

/// Results that wait between two steps: enough that neither waits for the other without need, few
/// enough that memory holds a handful.
const WAITING: usize = 1;

/// Takes everything from `source` through `work` and into `write`, in order. Each of the three runs on a
/// thread of its own, `work` on the caller's; a reader or a writer that cannot use many cores
/// thus takes little from a work that can.
///
/// # Errors
/// The first error in the order of the items, wherever it comes from. What precedes it has been
/// written.
pub fn stream<T, U, E>(
    source: impl Iterator<Item = Result<T, E>> + Send,
    mut work: impl FnMut(T) -> Result<U, E>,
    write: impl FnMut(U) -> Result<(), E> + Send,
) -> Result<(), E>
where
    T: Send,
    U: Send,
    E: Send,
{
    thread::scope(|scope| {
        let (read, incoming) = sync_channel(WAITING);
        // Nobody to send to: there was an error further on.
        scope.spawn(move || source.map(|item| read.send(item)).take_while(Result::is_ok).count());
        let (worked, outgoing) = sync_channel(WAITING);
        let writer = scope.spawn(move || outgoing.into_iter().try_for_each(write));
        let mut result = Ok(());
        for item in incoming {
            let gone = match item.and_then(&mut work) {
                Ok(item) => worked.send(item).is_err(),
                Err(error) => {
                    result = Err(error);
                    true
                }
            };
            if gone {
                break;
            }
        }
        drop(worked);
        writer.join().unwrap_or_else(|panic| resume_unwind(panic)).and(result)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Squares of 0..n, with errors where asked for.
    fn run(n: u32, bad_read: u32, bad_work: u32, bad_write: u32) -> (Result<(), String>, Vec<u32>) {
        let fail = |step: &str, i| Err(format!("{step} {i}"));
        let mut written = Vec::new();
        let result = stream(
            (0..n).map(|i| if i == bad_read { fail("read", i).map(|()| i) } else { Ok(i) }),
            |i| if i == bad_work { fail("work", i).map(|()| i) } else { Ok(i * i) },
            |square| {
                if square == bad_write * bad_write {
                    return fail("write", bad_write);
                }
                written.push(square);
                Ok(())
            },
        );
        (result, written)
    }

    #[test]
    fn everything_arrives_in_order() {
        const NONE: u32 = 9999;
        let (result, written) = run(500, NONE, NONE, NONE);
        assert_eq!((result, written), (Ok(()), (0..500).map(|i| i * i).collect()));
        assert_eq!(run(0, NONE, NONE, NONE), (Ok(()), vec![]));
    }

    #[test]
    fn the_first_error_in_order_is_reported_and_what_precedes_it_written() {
        let cases = [
            ((5, 6, 7), "read 5"),
            ((5, 90, 95), "read 5"),
            ((6, 5, 7), "work 5"),
            ((90, 5, 90), "work 5"),
            ((7, 6, 5), "write 5"),
            ((90, 95, 5), "write 5"),
        ];
        for ((read, work, write), message) in cases {
            let (result, written) = run(100, read, work, write);
            assert_eq!(result, Err(message.into()));
            assert_eq!(written, [0, 1, 4, 9, 16]);
        }
    }
}
