//! A history that is taken in, in the mesh that goes on from it.

use std::time::Duration;

use samspor::{
    importer::{self, Egne, Valg},
    serve::Part,
};
use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    koordinering::*,
    tilgang::Formal,
};
use serde_json::json;

use crate::scene::{NUMBERS, Scene, reason, refused, strict};

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
    let scene = scene
        .stopped_for(async |folder| {
            let fil = folder.join("vedtak.ndjson");
            std::fs::write(&fil, line.to_string()).unwrap();
            let database = format!("sqlite:{}", folder.join("bestillerkontor.db").display());
            let valg = Valg {
                fil,
                bunke: 10,
                personer: None,
                kommune: "karmoy".to_owned(),
                policy: None,
            };
            let done = importer::run(
                Part::Bestillerkontor,
                &database,
                Egne::default(),
                &valg,
                |_| {},
            )
            .await;
            assert_eq!(done.unwrap().nye, 1);
        })
        .await;

    let mut known = scene.database("koordinering").await;
    let heard = async {
        let sql = "SELECT 1 FROM ansvar JOIN person ON person.id = ansvar.person \
                   WHERE enhet = 'rop' AND i_bruk = 1";
        while sqlx::query(sql)
            .fetch_optional(&mut known)
            .await
            .unwrap()
            .is_none()
        {
            tokio::task::yield_now().await;
        }
    };
    let heard = tokio::time::timeout(Duration::from_secs(20), heard).await;
    heard.expect("koordinering was told of the need");
    let leader = scene
        .desk("koordinering", Rolle::Leder, Formal::Sikkerhet)
        .await;
    let method = "koordinering.v1.VernService/ForeslaVern";
    let hide = strict(&person, &["koordinering"]);
    let status = refused::<_, ForeslaVernResponse>(&leader, method, hide).await;
    assert_eq!(reason(&status), Some(Feilgrunn::BehovUtenAnsvarlig));
}
