//! End-to-end tests of the mesh: everything through the gateway's own port, as
//! any client calls it. The tests themselves stand under `e2e/`.
