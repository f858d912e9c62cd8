//! TLS between the parts of the mesh: PEM files, read when a part starts.

use std::{
    io,
    path::{Path, PathBuf},
};

use tonic::transport::{Certificate, ClientTlsConfig, Endpoint, Identity, Server, ServerTlsConfig};

/// TLS that cannot be set up. One line that an operator can act on.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("TLS file {} cannot be read: {}", .0.display(), .1)]
    File(PathBuf, #[source] io::Error),
    /// The files do not make a configuration.
    #[error("the TLS settings are not valid: {0}")]
    Settings(#[source] tonic::transport::Error),
}

/// PEM files, as a server.
#[derive(Debug, Clone)]
pub struct ServerTls {
    /// Own certificate, with its chain.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
    /// Authority that a caller's certificate must come from; none: callers
    /// need no certificate.
    pub client_ca: Option<PathBuf>,
}

impl ServerTls {
    /// The server with TLS on its port.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it should be.
    pub fn apply(&self, server: Server) -> Result<Server, TlsError> {
        let identity = Identity::from_pem(read(&self.certificate)?, read(&self.key)?);
        let mut config = ServerTlsConfig::new().identity(identity);
        if let Some(ca) = &self.client_ca {
            config = config.client_ca_root(Certificate::from_pem(read(ca)?));
        }
        server.tls_config(config).map_err(TlsError::Settings)
    }
}

/// PEM files, as a client.
#[derive(Debug, Clone)]
pub struct ClientTls {
    /// Authority that the server's certificate must come from.
    pub ca: PathBuf,
    /// Own certificate and its key, where the server asks for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// Name in the server's certificate; none: the endpoint's host.
    pub domain: Option<String>,
}

impl ClientTls {
    /// The endpoint, reached by TLS.
    ///
    /// # Errors
    /// When a file cannot be read, or is not what it should be.
    pub fn apply(&self, endpoint: Endpoint) -> Result<Endpoint, TlsError> {
        let ca = Certificate::from_pem(read(&self.ca)?);
        let mut config = ClientTlsConfig::new().ca_certificate(ca);
        if let Some((certificate, key)) = &self.identity {
            config = config.identity(Identity::from_pem(read(certificate)?, read(key)?));
        }
        if let Some(domain) = &self.domain {
            config = config.domain_name(domain);
        }
        endpoint.tls_config(config).map_err(TlsError::Settings)
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::File(path.to_owned(), cause))
}
