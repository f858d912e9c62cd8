//! What is attached to a report: what is too large or pretends to be something
//! else is refused with its field, and nothing of the report is stored.

use samspor::desk::Desk;
use samspor_proto::{avvik::*, felles::Rolle};
use tonic::Code;
use tonic_types::StatusExt as _;

use super::{AVVIK, desk, detalj, les, svar};
use crate::scene::*;

const MIB: usize = 1024 * 1024;

fn fil(navn: &str, innhold: Vec<u8>) -> Avviksvedlegg {
    Avviksvedlegg {
        navn: navn.to_owned(),
        innhold: innhold.into(),
    }
}

pub(super) fn melding(scene: &Scene, vedlegg: Vec<Avviksvedlegg>) -> MeldAvvikRequest {
    MeldAvvikRequest {
        request_id: request_id(),
        kategori: Avvikskategori::Bolig.into(),
        underkategori: "utskrevet_uten_bolig".to_owned(),
        hendt: Some(scene.mesh.now().to_proto()),
        sammendrag: "Utskrevet uten et sted å sove.".to_owned(),
        alvorlighet: Alvorlighet::Alvorlig.into(),
        enheter: vec!["enheter/boligkontor".to_owned()],
        svar: vec![
            svar("natt_uten_seng", "1"),
            svar("varslet_pa_forhand", "ja"),
        ],
        vedlegg,
        ..Default::default()
    }
}

async fn antall(desk: &Desk) -> usize {
    let request = ListAvvikRequest {
        parent: "enheter/nav".to_owned(),
        ..Default::default()
    };
    let list: ListAvvikResponse = ok(desk, &format!("{AVVIK}ListAvvik"), request).await;
    list.avvik.len()
}

/// Seen red: with the message that the transport has for what is too large, and
/// without the look at what a file is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_too_large_or_runs_is_refused_and_nothing_is_stored() {
    let scene = Scene::start().await;
    let reporter = desk(&scene, "nav", Rolle::Inntak).await;
    let reader = desk(&scene, "nav", Rolle::Saksbehandler).await;
    let method = format!("{AVVIK}MeldAvvik");
    let text = |size: usize| vec![b'a'; size];

    // More than a message holds: the gateway says how much that is.
    let request = melding(&scene, vec![fil("logg.txt", text(5 * MIB))]);
    let large = refused::<_, MeldAvvikResponse>(&reporter, &method, request).await;
    assert_eq!(large.code(), Code::InvalidArgument);
    for said in ["4 MiB", "vedlegg.innhold"] {
        assert!(large.message().contains(said), "{large:?}");
    }
    // More than one file may have: its field, and how much it may have.
    let request = melding(
        &scene,
        vec![fil("kort.txt", text(9)), fil("logg.txt", text(MIB + 1))],
    );
    let one = refused::<_, MeldAvvikResponse>(&reporter, &method, request).await;
    let fields = felt(&one);
    assert_eq!(fields[0].0, "vedlegg[1].innhold");
    assert!(fields[0].1.contains("1 MiB"), "{fields:?}");
    // Three of the largest fit.
    let three = ["a.txt", "b.txt", "c.txt"].map(|name| fil(name, text(MIB)));

    for name in [
        "faktura.exe",
        "faktura.pdf.exe",
        "FAKTURA.BAT",
        "faktura\u{202e}txt.exe",
        "faktura\u{202e}exe.txt",
        "faktura.txt.",
        "faktura.txt ",
        "../faktura.txt",
        "C:\\faktura.txt",
        ".txt",
        "faktura",
        "",
    ] {
        let request = melding(&scene, vec![fil(name, text(9))]);
        let status = refused::<_, MeldAvvikResponse>(&reporter, &method, request).await;
        assert_eq!(felt(&status)[0].0, "vedlegg[0].navn", "{name:?}");
    }
    // A program that is named as a picture.
    let request = melding(&scene, vec![fil("bilde.png", b"MZ\x90\0".to_vec())]);
    let status = refused::<_, MeldAvvikResponse>(&reporter, &method, request).await;
    assert_eq!(felt(&status)[0].0, "vedlegg[0].navn");
    assert_eq!(antall(&reader).await, 0, "something was stored");

    let told: MeldAvvikResponse = ok(&reporter, &method, melding(&scene, three.into())).await;
    let name = format!("avvik/{}", told.kvittering.unwrap().referanse);
    let files = detalj(&reader, &les(&reader, &name).await.detalj)
        .await
        .vedlegg;
    let sizes: Vec<usize> = files.iter().map(|file| file.innhold.len()).collect();
    assert_eq!(sizes, [MIB; 3]);
}

/// Fields that a refusal names, with what it says of each.
fn felt(status: &tonic::Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let fields = details.bad_request().unwrap().field_violations.iter();
    fields
        .map(|of| (of.field.clone(), of.description.clone()))
        .collect()
}
