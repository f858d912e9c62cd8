//! The contracts of the mesh, as Rust types and as descriptors.
//!
//! Every service, the gateway and every client meet here and nowhere else.
//! The `.proto` files under `proto/samspor` are the source; each field carries
//! a data class, each record its `ressurs`, each method its `tilgang`.
//! [`klassifisering`] reads those options once, so that nobody else needs
//! reflection to know what a contract says.

/// Generated code of one package.
macro_rules! package {
    ($(#[$doc:meta])* $module:ident, $name:literal) => {
        $(#[$doc])*
        #[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, clippy::allow_attributes_without_reason, reason = "generated")]
        pub mod $module {
            pub mod v1 {
                tonic::include_proto!($name);
            }
            pub use v1::*;
        }
    };
}

package!(
    /// Classification options: `samspor.tilgang.v1`.
    tilgang, "samspor.tilgang.v1");
package!(
    /// Types that all contracts share: `samspor.felles.v1`.
    felles, "samspor.felles.v1");
package!(
    /// Between gateway and services: `samspor.internt.v1`.
    internt, "samspor.internt.v1");
package!(
    /// Event feeds: `samspor.hendelse.v1`.
    hendelse, "samspor.hendelse.v1");
package!(
    /// The gateway's own records: `samspor.gateway.v1`.
    gateway, "samspor.gateway.v1");
package!(
    /// Koordinerende enhet: `samspor.koordinering.v1`.
    koordinering, "samspor.koordinering.v1");
package!(
    /// Bestillerkontor: `samspor.bestillerkontor.v1`.
    bestillerkontor, "samspor.bestillerkontor.v1");
package!(
    /// ROP-tjeneste: `samspor.rop.v1`.
    rop, "samspor.rop.v1");
package!(
    /// Nav: `samspor.nav.v1`.
    nav, "samspor.nav.v1");
package!(
    /// Boligkontor: `samspor.boligkontor.v1`.
    boligkontor, "samspor.boligkontor.v1");
package!(
    /// Avvik: `samspor.avvik.v1`.
    avvik, "samspor.avvik.v1");

/// The query API of a trace store, Jaeger's `jaeger.api_v3`: where an incident
/// review reads spans. No contract of the mesh.
#[allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes_without_reason,
    reason = "generated"
)]
pub mod jaeger {
    tonic::include_proto!("jaeger.api_v3");
}

pub mod klassifisering;

/// Encoded `FileDescriptorSet` of all contracts and their imports, with the
/// classification options kept.
pub const DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/samspor.bin"));
