//! The gateway as an HTTP/2 service: any path of any contract.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::future::BoxFuture;
use samspor_proto::klassifisering::Klasser;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, body::Body, codec::CompressionEncoding, server::Grpc};
use tracing::Instrument as _;

use super::{Gateway, codec::Raw, finish, forward::MAX_MESSAGE, passage::Passage, stream, trace};

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

    fn call(&mut self, request: http::Request<B>) -> Self::Future {
        let gateway = Arc::clone(&self.0);
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let streams = match gateway.method(&path) {
                Ok(method) => method.metode.strom,
                Err(status) => return Ok(status.into_http()),
            };
            let mut grpc = Grpc::new(Raw)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(MAX_MESSAGE)
                .max_encoding_message_size(MAX_MESSAGE);
            Ok(if streams {
                let answer = tower::service_fn(move |request| {
                    Arc::clone(&gateway).streaming(path.clone(), request)
                });
                grpc.server_streaming(answer, request).await
            } else {
                let answer = tower::service_fn(move |request| {
                    let gateway = Arc::clone(&gateway);
                    let path = path.clone();
                    async move { gateway.unary(&path, request).await }
                });
                grpc.unary(answer, request).await
            })
        })
    }
}

impl Gateway {
    /// A call whose answer is a stream. The same seven steps; the last two run
    /// for every batch of messages, in a task that outlives this function.
    async fn streaming(
        self: Arc<Self>,
        path: String,
        request: Request<Bytes>,
    ) -> Result<Response<Messages>, Status> {
        let (metadata, _, body) = request.into_parts();
        let headers = metadata.into_headers();
        let (method, arrival) = self.arrive(&path, &headers, &self.streams)?;
        let span = trace::server_span(&method.metode.sti, &headers, arrival.caller.mesh);
        let trace_id = trace::trace_id(&span);

        let (opened, is_open) = tokio::sync::oneshot::channel();
        let (reader, messages) = stream::channel();
        let gateway = Arc::clone(&self);
        let owned_id = trace_id.clone();
        tokio::spawn(
            async move {
                let Ok(method) = gateway.method(&path) else {
                    return;
                };
                let entered = Passage::enter(&gateway, method, arrival, &body, owned_id);
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
                        let told = passage
                            .log_refusal(refused, samspor_proto::internt::Loggtype::Avslag)
                            .await;
                        let _ = opened.send(Err(gateway.status(told, method, passage.visible())));
                    }
                }
            }
            .instrument(span.clone()),
        );
        let answered = is_open
            .await
            .unwrap_or_else(|_| Err(Status::internal("internal error")))
            .map(|()| Response::new(ReceiverStream::new(messages)));
        finish(&span, &trace_id, answered)
    }
}
