//! A klage that is granted: what it leads to is a version of the vedtak that it
//! disputes, by the unit that decided it.

use samspor_proto::{
    bestillerkontor::*,
    felles::{Feilgrunn, Rolle},
    tilgang::Formal,
};

use super::{
    BOM, Kommune,
    endring::{ENHETER, Myndighet, line_of, versions},
    sak,
};
use crate::{bestiller_forlop::oppdrag, scene::*};

const KLAGE: &str = "bestillerkontor.v1.KlageService";

/// It waits with the unit that decided, and with no other. An employee who did
/// not decide proposes to grant it, a second one decides, and the order follows;
/// what another unit decided is as it was.
///
/// Seen red: with a klage that waits with bestillerkontor, in Sarpsborg; without
/// `krev_en_annen` in `omgjor`.
pub(super) async fn a_klage_is_carried_into_the_vedtak(kommune: Kommune) {
    let case = Box::pin(kommune.case()).await;
    for (unit, name) in &case.vedtak {
        Box::pin(sak::told(&kommune, unit, name)).await;
    }
    let own = Myndighet::over(&kommune, &case, BOM).await;
    let before = versions(&kommune, &case.person).await;
    let klage = Box::pin(disputed(&kommune, &case.person, &own)).await;
    Box::pin(granted(&kommune, &klage, &own)).await;

    let after = before
        .into_iter()
        .map(|(name, version, state)| match name == own.name {
            true => (name, 2, VedtakTilstand::Fattet),
            false => (name, version, state),
        });
    let after: Vec<_> = after.collect();
    assert_eq!(versions(&kommune, &case.person).await, after);
    for (unit, name) in &case.vedtak {
        // Of the new version the person is to be told.
        let told = Ventetype::Underretning;
        let waits = waits_with(&kommune, unit, name).await.contains(&told);
        assert_eq!(waits, *name == own.name, "{unit}");
    }
    let (unit, order) = &case.oppdrag[BOM];
    let desk = kommune
        .scene
        .desk(unit, Rolle::Saksbehandler, Formal::Ytelse)
        .await;
    let order = oppdrag(&desk, order).await;
    assert_eq!(
        (order.tilstand(), order.maks_timer),
        (OppdragTilstand::Startet, 8.0)
    );
    assert_eq!(order.til, kommune.day(200));
}

/// The person disputes it; the name of the klage.
async fn disputed(kommune: &Kommune, person: &str, own: &Myndighet) -> String {
    let herself = kommune.scene.person_desk(person).await;
    let request = RegistrerKlageRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        vedtak: own.name.clone(),
        grunn: "For få timer, og for kort.".to_owned(),
        ..Default::default()
    };
    let method = format!("{KLAGE}/RegistrerKlage");
    let receipt: RegistrerKlageResponse = ok(&herself, &method, request).await;
    let name = format!("{person}/klager/{}", receipt.kvittering.unwrap().referanse);
    for unit in ENHETER {
        let expected: &[Ventetype] = match unit == own.unit {
            true => &[Ventetype::Klage],
            false => &[],
        };
        assert_eq!(waits_with(kommune, unit, &name).await, expected, "{unit}");
    }
    name
}

/// What a unit is to do about a record.
async fn waits_with(kommune: &Kommune, unit: &str, name: &str) -> Vec<Ventetype> {
    let own = format!("enheter/{unit}");
    let list = kommune.waiting(unit).await.into_iter();
    let its = list.filter(|post| post.post == name && post.venter_pa == own);
    its.map(|post| post.r#type()).collect()
}

async fn granted(kommune: &Kommune, klage: &str, own: &Myndighet) {
    let formal = Formal::Saksbehandling;
    let mut content = own.vedtak().await;
    let line = line_of(&mut content, "bom");
    line.maks_timer = 8.0;
    // Longer too, without an evaluation.
    line.til = kommune.day(200);
    let grant = || OmgjorKlageRequest {
        name: klage.to_owned(),
        request_id: request_id(),
        begrunnelse: "Behovet er større.".to_owned(),
        vedtak: Some(content.clone()),
        linjeslutt: Vec::new(),
    };
    let method = format!("{KLAGE}/OmgjorKlage");
    let status = refused::<_, OmgjorKlageResponse>(&own.decider, &method, grant()).await;
    assert_eq!(reason(&status), Some(Feilgrunn::IkkeTillatt));
    for unit in ENHETER.into_iter().filter(|unit| *unit != own.unit) {
        let other = kommune.scene.desk(unit, Rolle::Beslutter, formal).await;
        let status = refused::<_, OmgjorKlageResponse>(&other, &method, grant()).await;
        // Who delivers knows of the vedtak, and may not.
        let closed = [Some(Feilgrunn::IkkeFunnet), Some(Feilgrunn::IkkeTillatt)];
        assert!(closed.contains(&reason(&status)), "{unit}: {status:?}");
    }
    let id = format!("{}-annen", own.unit);
    let second = kommune
        .scene
        .desk_of(&own.unit, &id, Rolle::Beslutter, formal)
        .await;
    ok::<_, OmgjorKlageResponse>(&second, &method, grant()).await;
    assert_eq!(own.vedtak().await.endring.unwrap().klage, klage);
    let decided = own.approve().await.unwrap();
    let outcome = decided.klageutfall.last().unwrap();
    assert_eq!(
        (outcome.klage.as_str(), outcome.tilstand()),
        (klage, KlageTilstand::Omgjort)
    );
    let request = HentKlageRequest {
        name: klage.to_owned(),
    };
    let method = format!("{KLAGE}/HentKlage");
    let read: HentKlageResponse = ok(&second, &method, request).await;
    assert_eq!(read.klage.unwrap().tilstand(), KlageTilstand::Omgjort);
}
