//! What raises an avvik by itself.

use std::sync::Arc;

use futures::FutureExt as _;
use samspor_chassis::{
    call::Call,
    error::{Error, FieldFaults},
    server::Agency as _,
    store::Store,
    testing::{Database, START, TestCall, request_id},
};
use samspor_proto::{
    avvik::{
        Avvik, AvviksdelTilstand, Avvikskategori, Avvikskilde, HentAvviksdetaljRequest,
        ListAvvikRequest, MerkDuplikatRequest,
    },
    hendelse::Hendelse,
};

use crate::{
    Avvik as Tjeneste,
    avvik::{prove::kall, rpc},
    detalj, kilder,
    sporsmal::Sett,
};

samspor_chassis::on_both_databases! {
    what_must_not_be_left_is_raised_once,
}

const PERSON: &str = "3f2c8a54-6c1e-4f7a-9b0d-2e5f8c7a1b34";
const SPOR: &str = "0af7651916cd43dd8448eb211c80319c";

fn hos(enhet: &str) -> Arc<Call> {
    TestCall::new(enhet).ansatt("k1").build()
}

fn hendelse(type_: &str, samling: &str, nr: usize) -> Hendelse {
    Hendelse {
        r#type: type_.into(),
        post: format!("personer/{PERSON}/{samling}/{nr}"),
        eier: "enheter/nav".into(),
        tid: Some(START.to_proto()),
        traceparent: format!("00-{SPOR}-b7ad6b7169203331-01"),
        ..Default::default()
    }
}

async fn hor(store: &Store, fra: &'static str, hendelse: Hendelse) {
    let heard: Result<_, Error> = store
        .write(hos("avvik"), &request_id(), move |tx| {
            kilder::reis(tx, fra, hendelse).boxed()
        })
        .await;
    heard.unwrap();
}

async fn alle(store: &Store, enhet: &str) -> Vec<Avvik> {
    let mut tx = store.begin_read(hos(enhet)).await.unwrap();
    let request = ListAvvikRequest {
        parent: format!("enheter/{enhet}"),
        ..Default::default()
    };
    rpc::list(&mut tx, request).await.unwrap().avvik
}

/// One cause has one that is open; the unit of the record answers, the
/// koordinerende enhet hears of every step, and the person stands in the detail
/// alone.
///
/// Seen red: without the look for one that is open, with a duplicate taken for
/// ended, and with the person's record among the traces.
async fn what_must_not_be_left_is_raised_once(database: Database) {
    let store = database.open(Tjeneste::migrations()).await;
    let no_bed = || hendelse("BotilbudIkkeKlart", "botilbud", 1);
    hor(&store, "nav", no_bed()).await;
    hor(&store, "nav", no_bed()).await;
    let [one] = alle(&store, "koordinering").await.try_into().unwrap();
    assert_eq!(one.kategori(), Avvikskategori::Bolig);
    assert_eq!(one.kilde(), Avvikskilde::Hendelse);
    assert_eq!(one.melder_enhet, "enheter/koordinering");
    assert_eq!(one.spor, [SPOR]);
    assert_eq!(one.deler[0].enhet, "enheter/nav");
    assert_eq!(one.deler[0].tilstand(), AvviksdelTilstand::Foreslatt);
    assert!(!format!("{one:?}").contains(PERSON));
    let mut tx = store.begin_read(hos("koordinering")).await.unwrap();
    let request = HentAvviksdetaljRequest {
        name: one.detalj.clone(),
    };
    let detail = detalj::hent(&mut tx, request)
        .await
        .unwrap()
        .detalj
        .unwrap();
    assert_eq!(detail.person, format!("personer/{PERSON}"));
    assert_eq!(detail.poster, [no_bed().post]);
    drop(tx);

    // Another cause; nothing that is no source; what another service says so.
    hor(&store, "nav", hendelse("BotilbudIkkeKlart", "botilbud", 2)).await;
    hor(&store, "nav", hendelse("BotilbudInnvilget", "botilbud", 3)).await;
    hor(&store, "rop", hendelse("BotilbudIkkeKlart", "botilbud", 4)).await;
    let of_nav = alle(&store, "nav").await;
    assert_eq!(of_nav.len(), 2);
    let other = of_nav.into_iter().find(|all| all.name != one.name).unwrap();

    // While the one that it is the same as goes on it is that one.
    let same = MerkDuplikatRequest {
        name: one.name.clone(),
        request_id: request_id(),
        etag: one.etag,
        av: other.name.clone(),
    };
    kall!(store, hos("koordinering"), rpc::merk_duplikat, same).unwrap();
    hor(&store, "nav", no_bed()).await;
    assert_eq!(alle(&store, "koordinering").await.len(), 2);

    // When that has ended, the next is a new one.
    let id = other.name.trim_start_matches("avvik/").to_owned();
    let ended: Result<_, Error> = store
        .write(hos("avvik"), &request_id(), move |tx| {
            async move {
                let sql = "UPDATE avvik SET tilstand = 'LUKKET', tilbakemeldt = 1, \
                           apne_deler = 0 WHERE id = $1";
                tx.execute(sql, samspor_chassis::params![id.as_str()])
                    .await?;
                Ok(samspor_proto::avvik::LukkAvvikResponse::default())
            }
            .boxed()
        })
        .await;
    ended.unwrap();
    hor(&store, "nav", no_bed()).await;
    assert_eq!(alle(&store, "koordinering").await.len(), 3);
}

/// A subcategory that the category does not have would be seen by nobody until
/// somebody looked at the figures.
#[test]
fn every_source_has_a_subcategory_of_its_category() {
    for (kategori, underkategori) in kilder::kategorier() {
        let mut faults = FieldFaults::new();
        let set = Sett::av(kategori).unwrap();
        set.underkategori(underkategori, &mut faults);
        assert!(faults.finish().is_ok(), "{underkategori}");
    }
}
