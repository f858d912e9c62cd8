//! A service from its parts: store, border, feeds, deadlines, consumers,
//! health.
//!
//! An agency says what it is ([`Agency`]); [`start`] does the rest. A service
//! answers on two ports: calls on one, where only attested ones are heard, and
//! health on the other.

use std::sync::Arc;

use crate::{client::MeshClient, id::Ids, store::Store, tid::Clock};

/// What the handlers of a service stand on. Cheap to clone.
#[derive(Clone)]
pub struct Chassis(Arc<Parts>);

struct Parts {
    store: Store,
    gateway: Option<MeshClient>,
}

impl Chassis {
    /// A chassis over a store.
    #[must_use]
    pub fn new(store: Store, gateway: Option<MeshClient>) -> Self {
        Self(Arc::new(Parts { store, gateway }))
    }

    /// The service's database.
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.0.store
    }

    /// The service's clock.
    #[must_use]
    pub fn clock(&self) -> &Arc<dyn Clock> {
        self.0.store.clock()
    }

    /// Where the service's ids come from.
    #[must_use]
    pub fn ids(&self) -> &Arc<dyn Ids> {
        self.0.store.ids()
    }

    /// The client towards other services; none when the service was started
    /// without a gateway.
    #[must_use]
    pub fn gateway(&self) -> Option<&MeshClient> {
        self.0.gateway.as_ref()
    }
}
