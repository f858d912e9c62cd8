//! The border of a service: what every call passes before a handler sees it.
//!
//! In this order: the permit without the body (an unattested caller costs a
//! few microseconds and no memory), a place among the running calls, the body,
//! the permit with the body, the span, the handler under the caller's deadline.
//! A handler therefore runs only with an `Arc<Call>` among the extensions of
//! its request, and whatever it does, the answer is a status of the contract.

use std::{
    convert::Infallible,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures::FutureExt as _;
use http::{HeaderMap, Request, Response, request::Parts};
use http_body::Frame;
use http_body_util::Full;
use samspor_proto::{felles::Feilgrunn, klassifisering::kontrakter, tilgang::Formal};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};
use tonic::{Code, Status, body::Body};
use tower::Service;
use tracing::{Instrument as _, Span};

use crate::{
    attest::{self, Opened, Refused, Verifier},
    call::Call,
    client::DEADLINE,
    error::Refusal,
    status,
    telemetry::{self, TRACEPARENT},
};

/// How much a service takes on.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Largest request message in bytes; at most 4 MiB, which the generated
    /// servers take.
    pub largest_message: usize,
    /// Calls that run at the same time. More are answered UTILGJENGELIG at
    /// once: a queue would only make the callers' deadlines pass in it.
    pub running_calls: usize,
    /// Calls that one connection may have open, streams among them.
    pub streams_per_connection: u32,
    /// Longest time until a call is answered; a stream, until it begins. The
    /// caller's own deadline shortens it.
    pub longest_call: Duration,
    /// How long a shutdown waits for calls that are running.
    pub longest_drain: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            largest_message: 4 * 1024 * 1024,
            running_calls: 512,
            streams_per_connection: 256,
            longest_call: Duration::from_secs(30),
            longest_drain: Duration::from_secs(20),
        }
    }
}

/// The answer must be on its way before the caller stops waiting for it, or it
/// hears less than we know.
const WAY_BACK: Duration = Duration::from_millis(5);

/// What the border of one service knows.
pub(crate) struct Gate {
    service: String,
    verifier: Verifier,
    limits: Limits,
    places: Semaphore,
    drain: watch::Receiver<bool>,
}

impl Gate {
    pub(crate) fn new(
        service: &str,
        verifier: Verifier,
        limits: Limits,
        drain: watch::Receiver<bool>,
    ) -> Self {
        Self {
            service: service.to_owned(),
            verifier,
            places: Semaphore::new(limits.running_calls.min(Semaphore::MAX_PERMITS)),
            limits,
            drain,
        }
    }

    async fn answer<S>(&self, request: Request<Body>, inner: S) -> Response<Body>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        match self.pass(request, inner).await {
            Ok(response) => response,
            Err(refused) => self.refusal(refused).into_http(),
        }
    }

    async fn pass<S>(&self, request: Request<Body>, mut inner: S) -> Result<Response<Body>, Refused>
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Send,
        S::Future: Send,
    {
        let (mut parts, body) = request.into_parts();
        let opened = self.verifier.open(&parts.headers, parts.uri.path())?;
        // Held until the answer begins. A stream that has begun waits for
        // events most of the time; `streams_per_connection` bounds those.
        let _place = self.places.try_acquire().map_err(|_| Refused::Overloaded)?;

        let time = caller_time(&parts.headers).map_or(self.limits.longest_call, |time| {
            time.saturating_sub(WAY_BACK).min(self.limits.longest_call)
        });
        if time.is_zero() {
            return Err(Refused::Late);
        }
        let deadline = Instant::now() + time;
        let (mut call, frame) = timeout_at(deadline, self.receive(opened, &parts, body))
            .await
            .map_err(|_| Refused::Late)??;

        let span = self.span(&mut call, parts.uri.path());
        let is_stream = kontrakter()
            .metoder
            .get(parts.uri.path())
            .is_some_and(|method| method.strom);
        parts.extensions.insert(Arc::new(call));
        let request = Request::from_parts(parts, Body::new(Full::new(frame)));
        let work = AssertUnwindSafe(async move { inner.call(request).await })
            .catch_unwind()
            .instrument(span.clone());
        let response = match timeout_at(deadline, DEADLINE.scope(deadline, work)).await {
            Ok(Ok(Ok(response))) => response,
            Ok(Ok(Err(never))) => match never {},
            // The panic hook has told where.
            Ok(Err(_panic)) => status::internal().into_http(),
            Err(_elapsed) => {
                span.in_scope(|| tracing::info!("deadline has passed"));
                span.record("samspor.grunn", Feilgrunn::FristUte.as_str_name());
                Status::from(Refusal::new(Feilgrunn::FristUte)).into_http()
            }
        };
        Ok(self.watched(response, span, is_stream))
    }

    /// The call as it was attested, and its body.
    async fn receive(
        &self,
        opened: Opened,
        parts: &Parts,
        body: Body,
    ) -> Result<(Call, Bytes), Refused> {
        let frame = attest::collect(body, self.limits.largest_message).await?;
        let message = attest::message_of(&frame)?;
        let traceparent = parts.headers.get(TRACEPARENT);
        let call = self.verifier.admit(opened, message, traceparent)?;
        Ok((call, frame))
    }

    fn span(&self, call: &mut Call, path: &str) -> Span {
        let span = telemetry::server_span(&self.service, path, Some(&call.traceparent));
        span.record("samspor.enhet", call.actor.enhet.as_str());
        span.record("samspor.rolle", call.actor.rolle.as_str_name());
        if call.formal != Formal::Unspecified {
            span.record("samspor.formal", call.formal.as_str_name());
        }
        if !call.regel.is_empty() {
            span.record("samspor.regel", call.regel.as_str());
        }
        if let Some(traceparent) = telemetry::traceparent_of(&span) {
            call.traceparent = traceparent;
        }
        span
    }

    /// Notes how the answer ends. An answer without a body has ended already.
    fn watched(&self, response: Response<Body>, span: Span, is_stream: bool) -> Response<Body> {
        if let Some(status) = Status::from_header_map(response.headers()) {
            telemetry::record_outcome(&span, status.code());
            return response;
        }
        let drained = is_stream.then(|| {
            let mut drain = self.drain.clone();
            async move {
                // A sender that is gone has drained.
                let _ = drain.wait_for(|drained| *drained).await;
            }
            .boxed()
        });
        let service = self.service.clone();
        response.map(|inner| {
            Body::new(Watched {
                inner,
                span,
                drained,
                service,
                ended: false,
            })
        })
    }

    fn refusal(&self, refused: Refused) -> Status {
        let service = self.service.as_str();
        let refusal = match refused {
            Refused::Unattested(cause) => {
                tracing::warn!(
                    samspor.tjeneste = service,
                    samspor.avvist = cause.as_str(),
                    "call without a valid attestation"
                );
                Refusal::new(Feilgrunn::ManglerAttestasjon)
            }
            Refused::Full | Refused::Overloaded => {
                tracing::warn!(samspor.tjeneste = service, "overloaded");
                unavailable(service)
            }
            Refused::Late => {
                tracing::info!(samspor.tjeneste = service, "deadline has passed");
                Refusal::new(Feilgrunn::FristUte)
            }
            Refused::TooLarge(largest) => Refusal::new(Feilgrunn::UgyldigMelding)
                .with("feil", format_args!("larger than {largest} bytes")),
            Refused::Aborted => Refusal::new(Feilgrunn::UgyldigMelding).with("feil", "incomplete"),
        };
        refusal.into()
    }
}

fn unavailable(service: &str) -> Refusal {
    Refusal::new(Feilgrunn::Utilgjengelig).with("del", service)
}

/// The time that the caller gives: `grpc-timeout`, up to eight digits and a
/// unit. A malformed one is none, as gRPC servers have it.
pub(crate) fn caller_time(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(amount * 3600),
        "M" => Duration::from_secs(amount * 60),
        "S" => Duration::from_secs(amount),
        "m" => Duration::from_millis(amount),
        "u" => Duration::from_micros(amount),
        "n" => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// A service behind its border.
pub struct Border<S> {
    gate: Arc<Gate>,
    inner: S,
}

impl<S> Border<S> {
    pub(crate) fn new(gate: Arc<Gate>, inner: S) -> Self {
        Self { gate, inner }
    }
}

impl<S: Clone> Clone for Border<S> {
    fn clone(&self) -> Self {
        Self {
            gate: self.gate.clone(),
            inner: self.inner.clone(),
        }
    }
}

impl<S> Service<Request<Body>> for Border<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>
        + Clone
        + Send
        + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready is the one that must be called.
        let next = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, next);
        let gate = self.gate.clone();
        Box::pin(async move { Ok(gate.answer(request, inner).await) })
    }
}

/// The body of an answer: notes how it ends, ends a stream when the service
/// shuts down, and ends it as INTERNAL when what makes it panics.
struct Watched {
    inner: Body,
    span: Span,
    /// Resolves when a stream must end; none for a unary answer, which ends
    /// by itself.
    drained: Option<futures::future::BoxFuture<'static, ()>>,
    service: String,
    ended: bool,
}

impl Watched {
    fn end(&mut self, code: Code) {
        self.ended = true;
        telemetry::record_outcome(&self.span, code);
    }

    fn end_with(&mut self, status: &Status) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        self.end(status.code());
        let mut trailers = HeaderMap::new();
        Poll::Ready(Some(
            status
                .add_header(&mut trailers)
                .map(|()| Frame::trailers(trailers)),
        ))
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        if this.ended {
            return Poll::Ready(None);
        }
        if let Some(drained) = &mut this.drained
            && drained.as_mut().poll(cx).is_ready()
        {
            return this.end_with(&unavailable(&this.service).into());
        }
        let inner = &mut this.inner;
        let polled = this
            .span
            .in_scope(|| catch_unwind(AssertUnwindSafe(|| Pin::new(inner).poll_frame(cx))));
        let Ok(polled) = polled else {
            return this.end_with(&status::internal());
        };
        let frame = ready!(polled);
        match &frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let code = Status::from_header_map(trailers)
                        .map_or(Code::Unknown, |status| status.code());
                    this.end(code);
                }
            }
            Some(Err(status)) => this.end(status.code()),
            None => this.end(Code::Unknown),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if !self.ended {
            telemetry::record_outcome(&self.span, Code::Cancelled);
        }
    }
}
