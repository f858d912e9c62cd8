//! Step 5, attest and forward: the permit becomes a short-lived attestation,
//! and the request goes to the service that the package names.

use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::uri::PathAndQuery;
use tonic::{
    Request, Response, Status, Streaming,
    client::{Grpc, GrpcService},
    metadata::MetadataMap,
    transport::Channel,
};

use samspor_chassis::border::Border;
use samspor_proto::felles::Feilgrunn;
use tokio::sync::Semaphore;
use tonic::service::Routes;

use super::{border::MAX_TIME, codec::Raw, refusal::Refused};

/// Unary calls that one service may have in hand: a quarter of the gateway's.
const PLACES: usize = 256;

/// Largest message in either direction, in bytes.
pub(super) const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// Where a service's calls go.
pub enum Target {
    /// Over the network. Several channels, because an HTTP/2 connection is one lock.
    Remote(Vec<Channel>),
    /// The gateway's own RPCs, in this process.
    Own(Border<Routes>),
}

/// One service behind the gateway.
pub(super) struct Upstream {
    /// Service name: `rop`.
    pub name: String,
    /// Key of the gateway-service pair.
    pub key: samspor_chassis::attest::Key,
    target: Target,
    next: AtomicUsize,
    places: Semaphore,
}

impl Upstream {
    pub(super) fn new(name: String, key: samspor_chassis::attest::Key, target: Target) -> Self {
        Self {
            name,
            key,
            target,
            next: AtomicUsize::new(0),
            places: Semaphore::new(PLACES),
        }
    }

    /// Forwards a unary call, for as long as it may take. A service that hangs
    /// holds its own places and nobody else's.
    ///
    /// # Errors
    /// The service's refusal; UTILGJENGELIG with its name when it has too much
    /// to do or does not answer; FRIST_UTE.
    pub(super) async fn unary(
        &self,
        path: &PathAndQuery,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, Refused> {
        let busy = || Refused::new(Feilgrunn::Utilgjengelig).with("del", &self.name);
        let _place = self.places.try_acquire().map_err(|_| busy())?;
        request.set_timeout(MAX_TIME);
        let answered = async {
            match &self.target {
                Target::Remote(channels) => unary(self.channel(channels)?, path, request).await,
                Target::Own(service) => unary(service.clone(), path, request).await,
            }
        };
        match tokio::time::timeout(MAX_TIME, answered).await {
            Ok(answered) => answered.map_err(|status| Refused::from_service(&self.name, &status)),
            Err(_) => Err(Refused::new(Feilgrunn::FristUte)),
        }
    }

    /// Forwards a call whose answer is a stream.
    pub(super) async fn stream(
        &self,
        path: &PathAndQuery,
        request: Request<Bytes>,
    ) -> Result<Response<Streaming<Bytes>>, Status> {
        match &self.target {
            Target::Remote(channels) => stream(self.channel(channels)?, path, request).await,
            Target::Own(service) => stream(service.clone(), path, request).await,
        }
    }

    fn channel(&self, channels: &[Channel]) -> Result<Channel, Status> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        channels
            .get(turn % channels.len().max(1))
            .cloned()
            .ok_or_else(|| Status::unavailable("no channel"))
    }
}

fn client<T>(inner: T) -> Grpc<T> {
    Grpc::new(inner)
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE)
}

async fn unary<T>(
    inner: T,
    path: &PathAndQuery,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Status>
where
    T: GrpcService<tonic::body::Body>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<tonic::codegen::StdError>,
{
    let mut client = client(inner);
    client
        .ready()
        .await
        .map_err(|_| Status::unavailable("not ready"))?;
    client.unary(request, path.clone(), Raw).await
}

async fn stream<T>(
    inner: T,
    path: &PathAndQuery,
    request: Request<Bytes>,
) -> Result<Response<Streaming<Bytes>>, Status>
where
    T: GrpcService<tonic::body::Body>,
    T::ResponseBody: http_body::Body<Data = Bytes> + Send + 'static,
    <T::ResponseBody as http_body::Body>::Error: Into<tonic::codegen::StdError>,
{
    let mut client = client(inner);
    client
        .ready()
        .await
        .map_err(|_| Status::unavailable("not ready"))?;
    client.server_streaming(request, path.clone(), Raw).await
}

/// The number of the last fact that the service committed with its answer.
pub(super) fn fact_number(metadata: &MetadataMap) -> Option<i64> {
    metadata
        .get("x-samspor-fakta-nr")?
        .to_str()
        .ok()?
        .parse()
        .ok()
}
