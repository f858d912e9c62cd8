//! Figures against the state that was seeded.

use std::collections::BTreeMap;

use samspor_chassis::{
    historie::{Ut, importer},
    params,
    store::Store,
    testing::{Database, request_id},
};
use samspor_proto::{
    bestillerkontor::{
        Bestillingstall, Enhetstall, GiForelopigSvarRequest, HentBestillingstallRequest,
        HentPubliserteBestillingstallRequest, Leveringsrapport, PubliserBestillingstallRequest,
        RapporterOppdragRequest, Ventetidstype,
    },
    felles::Feilgrunn,
};
use serde_json::json;

use crate::{
    ENHET, MIGRATIONS,
    eierprove::{hos, kall, mottatt},
    historie::Vedtakshistorie,
    oppdrag, soknad, statistikk,
};

samspor_chassis::on_both_databases! {
    figures_are_those_of_the_seed_whenever_they_are_asked,
}

const DAY: std::time::Duration = std::time::Duration::from_hours(24);

fn person(n: usize) -> String {
    format!("3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7b{n:04x}")
}

/// Eight persons who applied on 1 August, each decided on a day later than the
/// one before: ROP for 7 to 14 hours a week from the 20th, BOM for one week.
async fn seed(store: &Store) {
    let basis = json!({ "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2" });
    let line = |n: usize| {
        let decided = format!("2026-08-{:02}", 11 + n);
        json!({
            "ref": format!("v{n}"), "person": person(n), "sokt": "2026-08-01",
            "eget_onske": "Ro", "fattet": decided, "fattet_av": "b1", "underrettet": decided,
            "hovedansvarlig": "rop", "begrunnelse": "Trenger hjelp", "hjemmel": basis,
            "personens_syn": "ENIG", "linjer": [
                { "type": "ROP_OPPFOLGING", "min_timer": 7.0, "maks_timer": 14.0,
                  "enheter": ["rop"], "fra": "2026-08-20" },
                { "type": "BOVEILEDNING", "min_timer": 7.0, "maks_timer": 7.0,
                  "enheter": ["bom"], "fra": "2026-08-20", "til": "2026-08-26" },
            ],
        })
        .to_string()
    };
    let lines: Vec<String> = (0..8).map(line).collect();
    let (mut aside, mut told) = (Vec::new(), Vec::new());
    let ut = Ut {
        avvist: &mut aside,
        svar: &mut told,
    };
    let history = Vedtakshistorie::new(["rop", "bom"].map(str::to_owned).into(), BTreeMap::new());
    let done = importer(
        store,
        &history,
        lines.join("\n").as_bytes(),
        ut,
        100,
        |_| {},
    )
    .await;
    assert_eq!(done.unwrap().nye, 8, "{}", String::from_utf8_lossy(&aside));
}

async fn ask(store: &Store, enhet: &str, fra: &str, til: &str) -> Bestillingstall {
    let request = HentBestillingstallRequest {
        parent: format!("enheter/{enhet}"),
        fra: fra.into(),
        til: til.into(),
    };
    let mut tx = store.begin_read(hos(enhet, "a1")).await.unwrap();
    let found = statistikk::hent(&mut tx, request).await.unwrap();
    found.bestillingstall.unwrap()
}

/// Number, median and nine of ten of each kind.
fn waits(tall: &Bestillingstall) -> Vec<(Ventetidstype, [i32; 3])> {
    let rows = tall.ventetider.iter();
    rows.map(|row| (row.r#type(), [row.antall, row.median, row.ni_av_ti]))
        .collect()
}

fn unit(enhet: &str, hours: [f64; 3], uten_levering: i32) -> Enhetstall {
    let [innvilget_min, innvilget_maks, levert] = hours;
    Enhetstall {
        enhet: format!("enheter/{enhet}"),
        oppdrag: 8,
        innvilget_min,
        innvilget_maks,
        levert,
        uten_levering,
        ..Default::default()
    }
}

/// Seen red: with orders counted by whether they are open now; with the whole
/// of a report that only begins in the period; with waits of other units.
async fn figures_are_those_of_the_seed_whenever_they_are_asked(database: Database) {
    let store = database.open(MIGRATIONS).await;
    let clock = database.clock();
    // Received on 1 October, answered on the 11th.
    let soknad = mottatt(&store).await;
    clock.advance(DAY * 10);
    let request = GiForelopigSvarRequest {
        name: soknad,
        request_id: request_id(),
        ventet_avgjort: "2026-11-20".into(),
        begrunnelse: "Venter på opplysninger".into(),
    };
    kall!(
        store,
        hos(ENHET, "a1"),
        soknad::rpc::gi_forelopig_svar,
        request
    )
    .unwrap();
    seed(&store).await;

    let mut tx = store.begin_read(hos(ENHET, "a1")).await.unwrap();
    let sql = "SELECT id FROM oppdrag WHERE enhet = 'rop' AND person = $1";
    let row: Option<(String,)> = tx.one(sql, params![person(0)]).await.unwrap();
    drop(tx);
    let name = format!("personer/{}/oppdrag/{}", person(0), row.unwrap().0);
    // Ten days with two hours each, of which seven are in August.
    let request = RapporterOppdragRequest {
        name: name.clone(),
        request_id: request_id(),
        rapport: Some(Leveringsrapport {
            fra: "2026-08-25".into(),
            til: "2026-09-03".into(),
            timer: 20.0,
            ..Default::default()
        }),
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::rapporter, request).unwrap();

    let august = ask(&store, ENHET, "2026-08-01", "2026-08-31").await;
    let expected = [
        (Ventetidstype::ForelopigSvar, [0, 0, 0]),
        // Ten to seventeen days.
        (Ventetidstype::Vedtak, [8, 13, 17]),
        // Two to nine days, twice.
        (Ventetidstype::Start, [16, 5, 9]),
    ];
    assert_eq!(waits(&august), expected);
    // Twelve days and seven days.
    let (rop, bom) = (
        unit("rop", [96.0, 192.0, 14.0], 7),
        unit("bom", [56.0, 56.0, 0.0], 8),
    );
    assert_eq!(august.enheter, [bom.clone(), rop.clone()]);
    // The unit that delivers has its own.
    let own = ask(&store, "bom", "2026-08-01", "2026-08-31").await;
    assert_eq!(own.enheter, [bom]);
    assert_eq!(waits(&own)[1].1, [0, 0, 0]);
    assert_eq!(waits(&own)[2].1, [8, 5, 9]);
    let before = ask(&store, ENHET, "2026-07-01", "2026-07-31").await;
    assert!(before.enheter.is_empty());

    // Months later, when one has ended.
    let request = samspor_proto::bestillerkontor::AvsluttOppdragRequest {
        name,
        request_id: request_id(),
        arsak: samspor_proto::bestillerkontor::Avslutningsarsak::MalNadd.into(),
        begrunnelse: "Klarer seg".into(),
        alternativ: "Drop-in".into(),
        ..Default::default()
    };
    kall!(store, hos("rop", "r1"), oppdrag::rpc::avslutt, request).unwrap();
    clock.advance(DAY * 60);
    assert_eq!(ask(&store, ENHET, "2026-08-01", "2026-08-31").await, august);
    let october = ask(&store, ENHET, "2026-10-01", "2026-10-31").await;
    assert_eq!(waits(&october)[0].1, [1, 10, 10]);
    // Seven of 31 days, and one of eleven, the day of the end counted.
    let hours = 7.0 * 31.0 + 11.0;
    assert_eq!(october.enheter.len(), 1);
    assert!(
        (october.enheter[0].innvilget_min - hours).abs() < 0.01,
        "{october:?}"
    );

    // Published, every number by itself, once.
    let publish = || PubliserBestillingstallRequest {
        parent: format!("enheter/{ENHET}"),
        request_id: request_id(),
        maned: "2026-08".into(),
    };
    let refused = kall!(store, hos("rop", "r1"), statistikk::publiser, publish());
    assert_eq!(
        refused.unwrap_err().refusal().unwrap().grunn,
        Feilgrunn::IkkeTillatt
    );
    let published = kall!(store, hos(ENHET, "a1"), statistikk::publiser, publish()).unwrap();
    let published = published.publiserte_bestillingstall.unwrap();
    let row = &published.enheter[1];
    let rounded = [
        row.oppdrag,
        row.innvilget_min,
        row.innvilget_maks,
        row.levert,
    ];
    assert_eq!(rounded, [10, 95, 190, 15]);
    assert_eq!(published.ventetider[1].median, 15);
    let twice = kall!(store, hos(ENHET, "a1"), statistikk::publiser, publish());
    assert_eq!(
        twice.unwrap_err().refusal().unwrap().grunn,
        Feilgrunn::Konflikt
    );
    let mut tx = store.begin_read(hos("nav", "n1")).await.unwrap();
    let request = HentPubliserteBestillingstallRequest {
        parent: format!("enheter/{ENHET}"),
        maned: "2026-08".into(),
    };
    let read = statistikk::hent_publiserte(&mut tx, request).await.unwrap();
    assert_eq!(read.publiserte_bestillingstall, Some(published));
}
