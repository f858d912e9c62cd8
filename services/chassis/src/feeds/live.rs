//! A feed as a stream: what is in the database, then whatever comes.

use std::{future::Future, time::Duration};

use futures::stream::{self, Stream};
use tokio::sync::watch;

use crate::{error::Error, store::Store};

/// How soon events of another replica are seen.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What one look at the database gave.
pub(super) struct Look<P, T> {
    /// What to send, if anything.
    pub(super) item: Option<T>,
    /// Where the next look begins.
    pub(super) position: P,
    /// When that is.
    pub(super) next: Next,
}

pub(super) enum Next {
    /// At once: there may be more.
    Now,
    /// When there is news.
    News,
    /// Never: the stream ends.
    Never,
}

struct State<P, F> {
    store: Store,
    emissions: watch::Receiver<u64>,
    closing: watch::Receiver<bool>,
    look: F,
    position: P,
    next: Next,
}

/// Looks from `position` on until the end of the feed, waits for news, looks
/// again, and ends when the service closes.
pub(super) fn follow<P, T, F, Fut>(
    store: Store,
    closing: watch::Receiver<bool>,
    position: P,
    look: F,
) -> impl Stream<Item = Result<T, Error>> + Send
where
    P: Clone + Send,
    T: Send,
    F: Fn(P) -> Fut + Send,
    Fut: Future<Output = Result<Look<P, T>, Error>> + Send,
{
    let state = State {
        emissions: store.emissions(),
        store,
        closing,
        look,
        position,
        next: Next::Now,
    };
    stream::try_unfold(state, |mut state| async move {
        loop {
            let goes_on = match state.next {
                Next::Now => !*state.closing.borrow(),
                Next::News => state.news().await,
                Next::Never => false,
            };
            if !goes_on {
                return Ok(None);
            }
            // Marked as seen before looking, so that no commit is missed.
            state.emissions.mark_unchanged();
            let Look {
                item,
                position,
                next,
            } = (state.look)(state.position.clone()).await?;
            state.position = position;
            state.next = next;
            if let Some(item) = item {
                return Ok(Some((item, state)));
            }
        }
    })
}

impl<P, F> State<P, F> {
    /// Waits for a reason to look again; false when the service closes.
    async fn news(&mut self) -> bool {
        let clock = self.store.clock();
        let again = clock.now().plus(LOOK_AGAIN);
        tokio::select! {
            biased;
            _ = self.closing.wait_for(|closing| *closing) => false,
            changed = self.emissions.changed() => changed.is_ok(),
            () = clock.sleep_until(again) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use futures::StreamExt as _;
    use samspor_proto::felles::Faktum;

    use super::*;
    use crate::testing::{self, TestCall};

    /// The clock stands still, so only the commit itself can wake the stream.
    ///
    /// Seen red (it hangs): with `mark_unchanged` after the look.
    #[tokio::test]
    async fn what_is_committed_during_a_look_is_not_missed() {
        let database = testing::sqlite();
        let store = database.open(&[]).await;
        let (_closing, closed) = watch::channel(false);
        let stream = follow(store.clone(), closed, 0, |looks| {
            let store = store.clone();
            async move {
                if looks > 0 {
                    return Ok(Look {
                        item: Some("seen"),
                        position: looks,
                        next: Next::Never,
                    });
                }
                // It has read already when somebody commits.
                let mut tx = store.begin(TestCall::new("rop").build()).await?;
                tx.fact(Faktum::default());
                tx.save().await?;
                Ok(Look {
                    item: None,
                    position: 1,
                    next: Next::News,
                })
            }
        });
        let seen: Vec<_> = stream.map(Result::unwrap).collect().await;
        assert_eq!(seen, ["seen"]);
    }
}
