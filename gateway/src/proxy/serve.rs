//! The gateway as an HTTP/2 service: any path of any contract.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::HeaderValue;
use prost_reflect::{FieldDescriptor, Kind};
use samspor_chassis::telemetry;
use samspor_proto::{felles::Feilgrunn, internt::Loggtype, klassifisering::Klasser};
use tokio::sync::oneshot;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{
    Code, Request, Response, Status, body::Body, codec::CompressionEncoding, server::Grpc,
};
use tracing::{Instrument as _, Span};

use super::{
    Arrival, Gateway, TRACE_ID, codec::Raw, forward::MAX_MESSAGE, method::Method, passage::Passage,
    plain, refusal::Refused, stream, too_late, trace,
};

/// How long a caller may take to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// Answers every method of the contracts.
#[derive(Clone)]
pub(super) struct Server(pub Arc<Gateway>);

type Messages = ReceiverStream<Result<Bytes, Status>>;

impl<B> tower::Service<http::Request<B>> for Server
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: Into<tonic::codegen::StdError> + Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing of the body is read for a caller who is not let in, and every
    /// answer has its trace id.
    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let gateway = Arc::clone(&self.0);
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let method = gateway.method(&path);
            // Only a path of a contract is told to telemetry.
            let known = if method.is_ok() { path.as_str() } else { "" };
            let streams = method.as_ref().is_ok_and(|method| method.metode.strom);
            let anonymous = method.as_ref().is_ok_and(|method| method.tilgang().anonym);
            let arrived = method.and_then(|method| gateway.arrive(method, request.headers()));
            let mesh = arrived.as_ref().is_ok_and(|arrival| arrival.caller.mesh);
            // Who must not be recognised is followed by no trace.
            let (span, trace_id) = if anonymous {
                (Span::none(), String::new())
            } else {
                let span = trace::server_span(known, request.headers(), mesh);
                let id = trace::trace_id(&span);
                (span, id)
            };
            let answered = match arrived {
                Ok(arrival) => {
                    let entered = Entered {
                        gateway: Arc::clone(&gateway),
                        path: path.clone(),
                        arrival,
                        span: span.clone(),
                        trace_id: trace_id.clone(),
                    };
                    let answered = entered.answer(streams, request).await;
                    match gateway.method(&path) {
                        Ok(method) if not_read(&answered) => {
                            turned_away(&span, too_large(method)).into_http()
                        }
                        _ => answered,
                    }
                }
                Err(refused) => turned_away(&span, refused).into_http(),
            };
            Ok(sealed(&span, &trace_id, answered))
        })
    }
}

/// A call that was let in, before its body is read.
struct Entered {
    gateway: Arc<Gateway>,
    path: String,
    arrival: Arrival,
    span: Span,
    trace_id: String,
}

impl Entered {
    async fn answer<B>(self, streams: bool, request: http::Request<B>) -> http::Response<Body>
    where
        B: http_body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<tonic::codegen::StdError> + Send,
    {
        let mut grpc = Grpc::new(Raw)
            .accept_compressed(CompressionEncoding::Gzip)
            .send_compressed(CompressionEncoding::Gzip)
            .max_decoding_message_size(MAX_MESSAGE)
            .max_encoding_message_size(MAX_MESSAGE);
        let (read, is_read) = oneshot::channel();
        let clock = Arc::clone(&self.gateway.clock);
        let late = async move {
            tokio::select! {
                _ = is_read => std::future::pending().await,
                () = clock.sleep_until(clock.now().plus(PATIENCE)) => {}
            }
        };
        // The server calls once; a second call would find nothing.
        let mut once = Some((self, read));
        let mut take = move |request: Request<Bytes>| {
            let (entered, read) = once.take()?;
            let _ = read.send(());
            Some((entered, request.into_inner()))
        };
        if streams {
            let answer = tower::service_fn(move |request| {
                let taken = take(request);
                async move {
                    let (entered, body) = taken.ok_or_else(too_late)?;
                    entered.streaming(body).await
                }
            });
            in_time(late, grpc.server_streaming(answer, request)).await
        } else {
            let answer = tower::service_fn(move |request| {
                let taken = take(request);
                async move {
                    let (entered, body) = taken.ok_or_else(too_late)?;
                    let gateway = entered.gateway;
                    let Self { path, arrival, .. } = entered;
                    gateway
                        .unary(path, arrival, entered.span, entered.trace_id, body)
                        .await
                }
            });
            in_time(late, grpc.unary(answer, request)).await
        }
    }

    /// A call whose answer is a stream. The same seven steps; the last two run
    /// for every batch of messages, in a task that outlives this function.
    async fn streaming(self, body: Bytes) -> Result<Response<Messages>, Status> {
        let (opened, is_open) = oneshot::channel();
        let (reader, messages) = stream::channel();
        let Self {
            gateway,
            path,
            arrival,
            span,
            trace_id,
        } = self;
        tokio::spawn(
            async move {
                let Ok(method) = gateway.method(&path) else {
                    return;
                };
                let entered = Passage::enter(&gateway, method, arrival, &body, trace_id);
                let mut passage = match entered {
                    Ok(passage) => passage,
                    Err(refused) => {
                        let _ = opened.send(Err(gateway.status(refused, method, Klasser::INGEN)));
                        return;
                    }
                };
                match passage.open().await {
                    Ok((owner, outer)) => {
                        if opened.send(Ok(())).is_ok() {
                            passage.pump(owner, outer, reader).await;
                        }
                    }
                    Err(refused) => {
                        let told = passage.log_refusal(refused, Loggtype::Avslag).await;
                        let _ = opened.send(Err(gateway.status(told, method, passage.visible())));
                    }
                }
            }
            .instrument(span),
        );
        is_open
            .await
            .unwrap_or_else(|_| Err(Status::internal("internal error")))
            .map(|()| Response::new(ReceiverStream::new(messages)))
    }
}

/// The answer, unless its request does not come in time.
async fn in_time(
    late: impl Future<Output = ()>,
    answer: impl Future<Output = http::Response<Body>>,
) -> http::Response<Body> {
    tokio::select! {
        answered = answer => answered,
        () = late => too_late().into_http(),
    }
}

/// Whether the codec refused the message for its size, before anybody saw it: all
/// that is refused later has details.
fn not_read(answered: &http::Response<Body>) -> bool {
    Status::from_header_map(answered.headers()).is_some_and(|status| {
        let too_much = matches!(status.code(), Code::OutOfRange | Code::ResourceExhausted);
        too_much && status.details().is_empty()
    })
}

/// Names what can be so large: the files of a message, else each of its fields.
fn too_large(method: &Method) -> Refused {
    let request = &method.metode.inn;
    let mut fields: Vec<String> = request.fields().filter_map(|field| file(&field)).collect();
    if fields.is_empty() {
        fields = request.fields().map(|f| f.name().to_owned()).collect();
    }
    Refused::new(Feilgrunn::MeldingForStor)
        .with("maks", format_args!("{} MiB", MAX_MESSAGE >> 20))
        .with("felt", fields.join(", "))
}

/// `vedlegg.innhold`, where the field or a part of it is bytes.
fn file(field: &FieldDescriptor) -> Option<String> {
    match field.kind() {
        Kind::Bytes => Some(field.name().to_owned()),
        Kind::Message(part) => {
            let bytes = part.fields().find(|inner| inner.kind() == Kind::Bytes)?;
            Some(format!("{}.{}", field.name(), bytes.name()))
        }
        _ => None,
    }
}

/// The answer to a call that was not let in. No person is known, so it is no
/// row of the access log; operations see it in theirs.
fn turned_away(span: &Span, refused: Refused) -> Status {
    let reason = Feilgrunn::try_from(refused.feil.grunn).unwrap_or_default();
    span.in_scope(|| {
        let grunn = reason.as_str_name();
        tracing::info!(
            samspor.grunn = grunn,
            "a call was turned away at the border"
        );
    });
    plain(refused)
}

/// Gives the answer its trace id, and the span its outcome.
fn sealed(span: &Span, trace_id: &str, mut answered: http::Response<Body>) -> http::Response<Body> {
    // An answer that begins with its status has failed.
    let status = answered.headers().get(Status::GRPC_STATUS);
    let code = status.map_or(Code::Ok, |code| Code::from_bytes(code.as_bytes()));
    telemetry::record_outcome(span, code);
    if trace_id.is_empty() {
        return answered;
    }
    if let Ok(mut id) = HeaderValue::from_str(trace_id) {
        // New in every answer: not for the connection's compression table.
        id.set_sensitive(true);
        answered.headers_mut().insert(TRACE_ID, id);
    }
    answered
}
