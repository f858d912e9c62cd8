//! From a generated service trait to plain functions, by one table.
//!
//! ```ignore
//! samspor_chassis::rpc! {
//!     impl vedtak_service_server::VedtakService for Bestillerkontor {
//!         write opprett_vedtak(OpprettVedtakRequest) -> OpprettVedtakResponse = vedtak::rpc::opprett;
//!         read hent_vedtak(HentVedtakRequest) -> HentVedtakResponse = vedtak::rpc::hent;
//!     }
//! }
//! ```
//!
//! The struct has a field `chassis: Chassis`. A handler is
//! `async fn(&mut Tx, Request) -> Result<Response, Error>`: it runs in one
//! transaction of a verified call, and what it answers is what is committed.
//! `write` runs it once per `request_id` and tells the gateway the number of
//! the last fact; `read` gives it a transaction that can only read.

use std::sync::Arc;

use futures::future::BoxFuture;
use prost::Message;
use samspor_proto::felles::Feilgrunn;
use tonic::{Request, Response, Status, metadata::MetadataValue};

use crate::{
    call::Call,
    error::{Error, Refusal},
    server::Chassis,
    store::Tx,
};

/// Metadata that tells the gateway up to which fact it must be, before it
/// answers.
pub const FAKTA_NR: &str = "x-samspor-fakta-nr";

/// The verified call of a request.
///
/// # Errors
/// MANGLER_ATTESTASJON when the request did not pass the border.
pub fn verified<T>(request: &Request<T>) -> Result<Arc<Call>, Status> {
    request
        .extensions()
        .get::<Arc<Call>>()
        .cloned()
        .ok_or_else(|| Refusal::new(Feilgrunn::ManglerAttestasjon).into())
}

/// Runs a read. What [`rpc!`](crate::rpc!) expands to.
///
/// # Errors
/// What the handler refuses, and failures of storage, as a status.
pub async fn read<Q, R, H>(
    chassis: &Chassis,
    request: Request<Q>,
    handler: H,
) -> Result<Response<R>, Status>
where
    Q: Send + 'static,
    R: Send,
    H: for<'t> FnOnce(&'t mut Tx, Q) -> BoxFuture<'t, Result<R, Error>> + Send,
{
    let call = verified(&request)?;
    let question = request.into_inner();
    let answer = chassis
        .store()
        .read(call, move |tx| handler(tx, question))
        .await?;
    Ok(Response::new(answer))
}

/// Runs a mutation. What [`rpc!`](crate::rpc!) expands to.
///
/// # Errors
/// What the handler refuses, and failures of storage, as a status. Nothing is
/// stored then.
pub async fn write<Q, R, H>(
    chassis: &Chassis,
    request: Request<Q>,
    request_id: fn(&Q) -> &str,
    handler: H,
) -> Result<Response<R>, Status>
where
    Q: Send + 'static,
    R: Message + Default,
    H: for<'t> FnOnce(&'t mut Tx, Q) -> BoxFuture<'t, Result<R, Error>> + Send,
{
    let call = verified(&request)?;
    let question = request.into_inner();
    let id = request_id(&question).to_owned();
    let written = chassis
        .store()
        .write(call, &id, move |tx| handler(tx, question))
        .await?;
    let mut response = Response::new(written.svar);
    response
        .metadata_mut()
        .insert(FAKTA_NR, MetadataValue::from(written.fakta_nr));
    Ok(response)
}

/// Implements a generated service trait from a table of handlers; see the
/// [module](crate::rpc).
#[macro_export]
macro_rules! rpc {
    (impl $($service:ident)::+ for $server:ty {
        $($kind:ident $method:ident($request:ty) -> $response:ty = $handler:path;)*
    }) => {
        impl $($service)::+ for $server {
            $($crate::rpc!(@$kind $method, $request, $response, $handler);)*
        }
    };
    // The signature is what `#[async_trait]` makes of an `async fn`.
    (@read $method:ident, $request:ty, $response:ty, $handler:path) => {
        fn $method<'s, 'f>(
            &'s self,
            request: $crate::rpc::tonic::Request<$request>,
        ) -> $crate::rpc::Answer<'f, $response>
        where
            's: 'f,
            Self: 'f,
        {
            ::std::boxed::Box::pin($crate::rpc::read(&self.chassis, request, |tx, request| {
                ::std::boxed::Box::pin($handler(tx, request))
            }))
        }
    };
    (@write $method:ident, $request:ty, $response:ty, $handler:path) => {
        fn $method<'s, 'f>(
            &'s self,
            request: $crate::rpc::tonic::Request<$request>,
        ) -> $crate::rpc::Answer<'f, $response>
        where
            's: 'f,
            Self: 'f,
        {
            ::std::boxed::Box::pin($crate::rpc::write(
                &self.chassis,
                request,
                |request: &$request| request.request_id.as_str(),
                |tx, request| ::std::boxed::Box::pin($handler(tx, request)),
            ))
        }
    };
}

#[doc(hidden)]
pub use tonic;

#[doc(hidden)]
pub type Answer<'f, R> =
    std::pin::Pin<Box<dyn Future<Output = Result<tonic::Response<R>, tonic::Status>> + Send + 'f>>;
