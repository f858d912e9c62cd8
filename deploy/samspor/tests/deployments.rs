//! The configuration files of `k8s/` and `deploy/` are read by the program
//! that they are written for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use samspor::config::Config;
use samspor_boligkontor::Regler;
use samspor_gateway::{
    identity::{Issuers, dev::DevIssuer},
    policy::{Policy, PolicySource},
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn overlays() -> BTreeMap<String, Config> {
    fs::read_dir(root().join("k8s/overlays"))
        .unwrap()
        .map(|folder| folder.unwrap())
        .map(|folder| {
            let config = Config::load(Some(&folder.path().join("samspor.toml")))
                .unwrap_or_else(|fault| panic!("{}: {fault}", folder.path().display()));
            (folder.file_name().into_string().unwrap(), config)
        })
        .collect()
}

/// Every file that is named as a secret must be one that the mount holds.
fn is_mounted(file: &Path) -> bool {
    file.starts_with("/run/secrets/samspor")
}

#[test]
fn the_overlays_are_read() {
    let overlays = overlays();
    let gateway = overlays["gateway"].gateway.as_ref().unwrap();
    let services: BTreeSet<&String> = overlays.keys().filter(|name| *name != "gateway").collect();
    assert_eq!(gateway.tjenester.keys().collect::<BTreeSet<_>>(), services);
    for (name, target) in &gateway.tjenester {
        assert_eq!(
            target.adresse,
            format!("http://samspor.samspor-{name}:7070")
        );
        assert!(is_mounted(&target.attestasjon_fil), "{name}");
    }
    assert!(!gateway.refleksjon, "the contracts are not for strangers");
    Policy::load(&PolicySource::embedded(&gateway.kommune)).unwrap();

    for (name, config) in &overlays {
        assert!(config.database_url.is_none(), "{name} has a password");
        assert!(is_mounted(config.database_url_fil.as_ref().unwrap()));
        assert_eq!(config.tjeneste.is_some(), name != "gateway");
        assert_eq!(config.koordinering.is_some(), name == "koordinering");
        let rules = config.boligkontor.as_ref();
        assert_eq!(rules.is_some(), name == "boligkontor");
        if let Some(rules) = rules {
            assert_eq!(rules.kommune, gateway.kommune);
            Regler::innebygd(&rules.kommune).unwrap();
        }
    }
    assert!(
        overlays["koordinering"]
            .koordinering
            .as_ref()
            .is_some_and(|k| !k.syntetiske)
    );
}

#[test]
fn a_misspelt_setting_is_refused() {
    let text = fs::read_to_string(root().join("k8s/overlays/rop/samspor.toml")).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(
        file.path(),
        text.replace("attestasjon_fil", "attestasjonfil"),
    )
    .unwrap();
    let fault = Config::load(Some(file.path())).unwrap_err().to_string();
    assert!(fault.contains("attestasjonfil"), "{fault}");
}

#[test]
fn the_issuers_are_read_and_an_empty_key_set_refuses_to_start() {
    let keys = tempfile::NamedTempFile::new().unwrap();
    let published = serde_json::to_vec(&DevIssuer::generate().unwrap().jwks().unwrap()).unwrap();
    for (file, path) in [
        ("deploy/utstedere.toml", "/etc/samspor/jwks.json"),
        (
            "k8s/overlays/gateway/utstedere.toml",
            "/etc/samspor/jwks-mesh.json",
        ),
    ] {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let here = text.replace(path, keys.path().to_str().unwrap());
        assert_ne!(here, text, "{file}");

        fs::write(keys.path(), &published).unwrap();
        Issuers::parse(&here, &BTreeMap::new()).unwrap();
        fs::copy(
            root().join("k8s/overlays/gateway/jwks-mesh.json"),
            keys.path(),
        )
        .unwrap();
        let fault = Issuers::parse(&here, &BTreeMap::new()).unwrap_err();
        assert!(fault.to_string().contains("key set is empty"), "{fault}");
    }
}
