//! A municipality of the tests alone, so small that one employee decides:
//! `fatter_alene` turns two-person control off by its file.

use std::{fs, path::Path};

use samspor_gateway::policy::PolicySource;
use samspor_proto::{bestillerkontor::*, felles::Rolle, tilgang::Formal};
use tonic::Code;

use super::{Kommune, VEDTAK};
use crate::scene::*;

/// Units, and the function that differs.
const LITEN: &str = include_str!("liten.toml");

/// The policies of the program, and one municipality of our own.
fn catalogue(file: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let policies = Path::new(env!("CARGO_MANIFEST_DIR")).join("../gateway/policies");
    for part in ["policies", "kommuner", "boligregler"] {
        fs::create_dir(folder.path().join(part)).unwrap();
    }
    for entry in fs::read_dir(policies).unwrap() {
        let entry = entry.unwrap();
        let to = folder.path().join("policies").join(entry.file_name());
        fs::copy(entry.path(), to).unwrap();
    }
    fs::write(folder.path().join("kommuner/liten.toml"), file).unwrap();
    let rules = include_str!("../../../services/boligkontor/data/kommuner/karmoy.toml");
    let rules = rules.replace("kommune = \"karmoy\"", "kommune = \"liten\"");
    fs::write(folder.path().join("boligregler/liten.toml"), rules).unwrap();
    folder
}

/// One employee drafts, sends and tries to decide.
async fn alone(file: &str) -> Result<FattVedtakResponse, tonic::Status> {
    let folder = catalogue(file);
    let kommune = Kommune::from(PolicySource {
        kommune: "liten".to_owned(),
        katalog: Some(folder.path().to_owned()),
    })
    .await;
    let scene = &kommune.scene;
    let person = scene.person(NUMBERS[0]).await;
    let soknad = scene.ready(&person).await;
    let formal = Formal::Saksbehandling;
    let (unit, id) = ("bestillerkontor", "bestillerkontor-saksbehandler");
    let caseworker = scene.desk_of(unit, id, Rolle::Saksbehandler, formal).await;
    let draft = kommune.drafted(&person, unit, kommune.whole(&soknad));
    let draft = Box::pin(draft).await;
    let request = HentVedtakRequest {
        name: draft,
        versjon: 0,
    };
    let method = format!("{VEDTAK}/HentVedtak");
    let found: HentVedtakResponse = ok(&caseworker, &method, request).await;
    let draft = found.vedtak.unwrap();
    let request = SendTilGodkjenningRequest {
        name: draft.name,
        request_id: request_id(),
        etag: draft.etag,
    };
    let method = format!("{VEDTAK}/SendTilGodkjenning");
    let sent: SendTilGodkjenningResponse = ok(&caseworker, &method, request).await;
    let sent = sent.vedtak.unwrap();
    let same = scene.desk_of(unit, id, Rolle::Beslutter, formal).await;
    let request = FattVedtakRequest {
        name: sent.name,
        request_id: request_id(),
        etag: sent.etag,
    };
    let answer = same.call(&format!("{VEDTAK}/FattVedtak"), request).await;
    answer.result
}

/// Two-person control is the municipality's to turn off, and on unless it does.
///
/// Seen red: with `fatter_alene` read nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_decides_where_the_file_says_so() {
    let decided = Box::pin(alone(LITEN)).await.unwrap().vedtak.unwrap();
    assert_eq!(decided.tilstand(), VedtakTilstand::Fattet);
    let [author] = decided.forfattere.as_slice() else {
        panic!("{:?}", decided.forfattere);
    };
    assert_eq!(decided.fattet_av.unwrap().ansatt, author.ansatt);

    let turned_off = "fatter_alene = [\"bestillerkontor\"]";
    assert!(LITEN.contains(turned_off));
    let on = LITEN.replace(turned_off, "fatter_alene = []");
    let status = Box::pin(alone(&on)).await.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
}
