//! A history that is taken in, in the mesh that goes on from it.

use std::time::Duration;

use samspor::{
    importer::{self, Egne, Valg},
    serve::Part,
};
use samspor_chassis::domene::Dag;
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::*,
    nav::{ListOppholdRequest, ListOppholdResponse},
    tilgang::Formal,
};
use serde_json::{Value, json};
use sqlx::AnyConnection;

use crate::scene::{NUMBERS, Scene, ok, reason, refused, strict};

/// The mesh again, after one line was taken in while it was stopped.
async fn taken_in(scene: Scene, part: Part, line: &Value) -> Scene {
    scene
        .stopped_for(async |folder| {
            let fil = folder.join("historie.ndjson");
            std::fs::write(&fil, line.to_string()).unwrap();
            let database = folder.join(format!("{}.db", part.name()));
            let database = format!("sqlite:{}", database.display());
            let valg = Valg {
                fil,
                bunke: 10,
                personer: None,
                kommune: "karmoy".to_owned(),
                policy: None,
            };
            let done = importer::run(part, &database, Egne::default(), &valg, |_| {}).await;
            assert_eq!(done.unwrap().nye, 1);
        })
        .await
}

/// A service has stored it, of what it was told.
async fn heard(database: &mut AnyConnection, sql: &'static str) {
    let stored = async {
        while sqlx::query(sql)
            .fetch_optional(&mut *database)
            .await
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    };
    let stored = tokio::time::timeout(Duration::from_secs(20), stored).await;
    stored.expect(sql);
}

/// ROP goes on with what it began in another system; nobody hides the person
/// from it by protecting the address.
///
/// Seen red: with no event of the order that goes on.
#[tokio::test(flavor = "multi_thread")]
async fn an_open_need_that_was_taken_in_keeps_its_unit() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let line = json!({
        "ref": "1", "person": person.trim_start_matches("personer/"),
        "sokt": "2019-01-02", "eget_onske": "Ro til å sove",
        "fattet": "2019-02-01", "fattet_av": "b1", "underrettet": "2019-02-05",
        "hovedansvarlig": "rop", "begrunnelse": "Trenger hjelp til å holde på boligen",
        "hjemmel": { "lov": "helse- og omsorgstjenesteloven", "paragraf": "§ 3-2" },
        "personens_syn": "ENIG",
        "linjer": [{
            "type": "ROP_OPPFOLGING", "min_timer": 1.0, "maks_timer": 3.0,
            "enheter": ["rop"], "fra": "2019-02-10",
        }],
    });
    let scene = taken_in(scene, Part::Bestillerkontor, &line).await;

    let mut known = scene.database("koordinering").await;
    let sql = "SELECT 1 FROM ansvar JOIN person ON person.id = ansvar.person \
               WHERE enhet = 'rop' AND i_bruk = 1";
    heard(&mut known, sql).await;
    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Sikkerhet)
        .await;
    let method = "koordinering.v1.VernService/ForeslaVern";
    let hide = strict(&person, &["koordinering"]);
    let status = refused::<_, ForeslaVernResponse>(&leader, method, hide).await;
    assert_eq!(reason(&status), Some(Feilgrunn::BehovUtenAnsvarlig));
}

/// Nav goes on with a stay that began in another system: who counts the stays
/// hears of it, and it is past three months there.
///
/// Seen red: with no event of the three months that passed.
#[tokio::test(flavor = "multi_thread")]
async fn a_stay_that_was_taken_in_goes_on() {
    let scene = Scene::start().await;
    let person = scene.person(NUMBERS[0]).await;
    let first = Dag::av(scene.mesh.now()).pluss_dager(-120);
    let day = |n| first.pluss_dager(n).to_string();
    let line = json!({
        "ref": "1", "person": person.trim_start_matches("personer/"),
        "mottatt": day(0), "arsak": "BRUDD", "eget_onske": "Et rolig sted",
        "avgjort": {
            "dag": day(0), "utfall": "INNVILGET", "av": "n2",
            "begrunnelse": "Har ingen steder å sove",
            "hjemmel": { "lov": "sosialtjenesteloven", "paragraf": "§ 27" },
        },
        "opphold": {
            "til": day(180), "belop_ore": 900_000,
            "plasser": [{ "plass": "", "fra": day(0) }],
            "unntak": [{
                "dag": day(80), "til": day(200), "av": "n2",
                "begrunnelse": "Boligen er klar om fire måneder",
            }],
        },
    });
    let scene = taken_in(scene, Part::Nav, &line).await;
    let owner = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let request = ListOppholdRequest {
        parent: person.clone(),
        ..Default::default()
    };
    let stays: ListOppholdResponse = ok(&owner, "nav.v1.OppholdService/ListOpphold", request).await;
    let [stay] = &stays.opphold[..] else {
        panic!("{stays:?}")
    };
    assert!(stay.over_tre_maneder);
    let mut known = scene.database("boligkontor").await;
    let sql = "SELECT 1 FROM opphold WHERE over_fra IS NOT NULL AND slutt IS NULL";
    heard(&mut known, sql).await;
}
