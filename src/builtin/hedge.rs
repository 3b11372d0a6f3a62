//! Several legs asked for the same answer, so that a slow one costs little: the first to begin is the only one heard.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;

use tokio::time::sleep;

use super::course::{Attempt, Course};
use super::failure::Failure;

/// A request that is on its way.
struct Runner<'r, 'a, T> {
    attempt: Attempt<'a>,
    asked: Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'r>>,
}

/// Asks as `ask` does: the leg of this attempt, and if it takes long to begin, further ones, `most` at a time. The
/// others are dropped, connections included, when one has begun; should that one break, they are asked again.
pub(super) async fn first<'r, 'a, T, F>(
    course: &mut Course<'a>,
    attempt: Attempt<'a>,
    most: u32,
    ask: impl Fn(Attempt<'a>) -> F,
) -> (Attempt<'a>, Result<T, Failure>)
where
    F: Future<Output = Result<T, Failure>> + Send + 'r,
{
    let start = |attempt| Runner { attempt, asked: Box::pin(ask(attempt)) };
    let mut runners = vec![start(attempt)];
    loop {
        let room = runners.len() < most as usize && course.has_more();
        let ended = poll_fn(|context| {
            for (number, runner) in runners.iter_mut().enumerate() {
                if let Poll::Ready(result) = runner.asked.as_mut().poll(context) {
                    return Poll::Ready((number, result));
                }
            }
            Poll::Pending
        });
        let (number, result) = tokio::select! {
            ended = ended => ended,
            () = sleep(course.hedge_after()), if room => {
                runners.extend(course.beside().map(start));
                continue;
            }
        };
        let attempt = runners.remove(number).attempt;
        match result {
            Err(failure) if !runners.is_empty() => course.fell_back(attempt, failure),
            result => {
                course.spared(runners.iter().map(|runner| runner.attempt));
                return (attempt, result);
            }
        }
    }
}
