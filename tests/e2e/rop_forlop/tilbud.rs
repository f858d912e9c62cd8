//! An activity offer, from the day that it is registered until it is ended.

use samspor_proto::{
    felles::{Feilgrunn, Rolle},
    rop::*,
    tilgang::Formal,
};

use super::{OFFERS, REGISTER_OFFER, offer};
use crate::scene::*;

const END: &str = "rop.v1.AktivitetstilbudService/AvsluttAktivitetstilbud";
const READ: &str = "rop.v1.AktivitetstilbudService/HentAktivitetstilbud";

/// Any unit reads an offer; who gives it ends it, and it is listed no more.
///
/// Seen red: with an offer that is active after it was ended.
#[tokio::test(flavor = "multi_thread")]
async fn an_offer_is_ended_by_who_gives_it() {
    life(&Scene::start().await).await;
}

pub async fn life(scene: &Scene) {
    let rop = scene
        .desk("rop", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let bom = scene
        .desk("bom", Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let nav = scene
        .desk("nav", Rolle::Saksbehandler, Formal::Oppfolging)
        .await;
    let hers = offer("rop", &[Eksklusjon::Hund]);
    let given: RegistrerAktivitetstilbudResponse = ok(&rop, REGISTER_OFFER, hers).await;
    let given = given.aktivitetstilbud.unwrap();
    let read = async || {
        let named = HentAktivitetstilbudRequest {
            name: given.name.clone(),
        };
        let read: HentAktivitetstilbudResponse = ok(&nav, READ, named).await;
        read.aktivitetstilbud.unwrap()
    };
    let listed = async || {
        let request = ListAktivitetstilbudRequest {
            parent: "enheter/rop".to_owned(),
            ..Default::default()
        };
        let found: ListAktivitetstilbudResponse = ok(&nav, OFFERS, request).await;
        found.aktivitetstilbud.len()
    };
    let before = read().await;
    assert_eq!((before.aktivt, before.navn.as_str()), (true, "Verksted"));
    assert_eq!(before.ekskluderer().collect::<Vec<_>>(), [Eksklusjon::Hund]);
    assert_eq!(listed().await, 1);

    let end = || AvsluttAktivitetstilbudRequest {
        name: given.name.clone(),
        request_id: request_id(),
    };
    refused::<_, AvsluttAktivitetstilbudResponse>(&bom, END, end()).await;
    assert!(read().await.aktivt);
    let ended: AvsluttAktivitetstilbudResponse = ok(&rop, END, end()).await;
    assert!(!ended.aktivitetstilbud.unwrap().aktivt);
    let status = refused::<_, AvsluttAktivitetstilbudResponse>(&rop, END, end()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::UgyldigOvergang));
    assert_eq!((read().await.aktivt, listed().await), (false, 0));
}
