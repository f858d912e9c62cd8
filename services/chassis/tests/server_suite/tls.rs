//! TLS on the port for calls, both ways, and the client that speaks it.

use std::{path::PathBuf, sync::Arc};

use rcgen::{BasicConstraints, CertificateParams, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair};
use samspor_chassis::{
    client::{MeshClient, MeshClientConfig, TokenSource},
    id::SeededIds,
    tid::{TestClock, Tid},
    tls::{ClientTls, ServerTls},
};
use samspor_proto::{
    felles::Feilgrunn, gateway::nodtilgang_service_client::NodtilgangServiceClient, tilgang::Formal,
};
use tonic::Code;

use crate::world::{World, list_request};

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    files: tempfile::TempDir,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let files = tempfile::tempdir().unwrap();
        std::fs::write(files.path().join("ca.pem"), certificate.pem()).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            files,
        }
    }

    fn ca(&self) -> PathBuf {
        self.files.path().join("ca.pem")
    }

    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (PathBuf, PathBuf) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let path = |end: &str| self.files.path().join(format!("{name}.{end}.pem"));
        std::fs::write(path("cert"), certificate.pem()).unwrap();
        std::fs::write(path("key"), key.serialize_pem()).unwrap();
        (path("cert"), path("key"))
    }
}

/// Seen red: with `client_ca_root` left out (a client without certificate gets
/// as far as the border).
#[tokio::test]
async fn both_ends_show_a_certificate() {
    let ours = Authority::new();
    let others = Authority::new();
    let (certificate, key) = ours.issue("rop.samspor", ExtendedKeyUsagePurpose::ServerAuth);
    let world = World::with(|config| {
        config.tls = Some(ServerTls {
            certificate,
            key,
            client_ca: Some(ours.ca()),
        });
    })
    .await;
    let call = |ca: PathBuf, identity: Option<(PathBuf, PathBuf)>| {
        let endpoint = format!("https://{}", world.running.addr);
        let mut config = MeshClientConfig::new(&endpoint, TokenSource::Static("x".into()));
        config.tls = Some(ClientTls {
            ca,
            identity,
            domain: Some("rop.samspor".into()),
        });
        let clock = Arc::new(TestClock::new(Tid(0)));
        let client = MeshClient::new(config, Arc::new(SeededIds::new(1, clock))).unwrap();
        async move {
            NodtilgangServiceClient::new(client.channel(Formal::Ytelse))
                .list_nodtilganger(list_request(""))
                .await
                .unwrap_err()
        }
    };
    let gateway = ours.issue("gateway.samspor", ExtendedKeyUsagePurpose::ClientAuth);
    let stranger = others.issue("gateway.samspor", ExtendedKeyUsagePurpose::ClientAuth);

    // As far as the border, where the permit is missing.
    let met = call(ours.ca(), Some(gateway.clone())).await;
    assert_eq!(met.code(), Code::Unauthenticated);
    assert_eq!(
        samspor_chassis::status::grunn(&met),
        Some(Feilgrunn::ManglerAttestasjon)
    );
    for (what, ca, identity) in [
        ("no certificate", ours.ca(), None),
        ("of another authority", ours.ca(), Some(stranger)),
        ("a server not to be trusted", others.ca(), Some(gateway)),
    ] {
        assert_eq!(call(ca, identity).await.code(), Code::Unavailable, "{what}");
    }
}
