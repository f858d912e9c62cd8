//! A service without a vedtak, ordered by the unit that would decide on it.

use super::*;
use crate::bestiller_forlop::{OPPDRAG, no_oppdrag, oppdrag};

const TYPE: Tjenestetype = Tjenestetype::Hjemmesykepleie;

fn order(kommune: &Kommune, person: &str, unit: &str) -> BestillKortvarigTjenesteRequest {
    BestillKortvarigTjenesteRequest {
        parent: person.to_owned(),
        request_id: request_id(),
        enhet: format!("enheter/{unit}"),
        r#type: TYPE.into(),
        min_timer: 1.0,
        maks_timer: 3.0,
        fra: kommune.day(0),
        til: kommune.day(6),
        mal: "Sårstell.".to_owned(),
        hjemmel: Some(basis("§ 3-2 nr. 6")),
        ..Default::default()
    }
}

async fn declined(kommune: &Kommune, unit: &str, name: &str) {
    let formal = Formal::Ytelse;
    let desk = kommune.scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let request = AvvisOppdragRequest {
        name: name.to_owned(),
        request_id: request_id(),
        arsak: Avvisningsarsak::Kapasitet.into(),
        begrunnelse: "Fullt.".to_owned(),
    };
    ok::<_, AvvisOppdragResponse>(&desk, &format!("{OPPDRAG}/AvvisOppdrag"), request).await;
}

/// The unit knows of the order, and has it on its list, for as long as it
/// lasts, also when the application is taken back; and of no record of others.
///
/// Seen red: without the relation of who ordered.
pub async fn a_short_service_is_ordered_by_who_decides_on_it(kommune: Kommune) {
    let scene = &kommune.scene;
    let formal = Formal::Saksbehandling;
    let person = scene.person(NUMBERS[0]).await;
    let soknad = scene.ready(&person).await;
    let holders = kommune.policy.municipality().holders_of(&authority(TYPE));
    let [unit] = holders.as_slice() else {
        panic!("{holders:?}");
    };
    let office = scene
        .desk("bestillerkontor", Rolle::Saksbehandler, formal)
        .await;
    let desk = scene.desk(unit, Rolle::Saksbehandler, formal).await;
    let method = format!("{OPPDRAG}/BestillKortvarigTjeneste");
    if unit != "bestillerkontor" {
        let request = order(&kommune, &person, "bom");
        let status =
            refused::<_, BestillKortvarigTjenesteResponse>(&office, &method, request).await;
        let details = status.get_details_bad_request();
        let fault = details.unwrap().field_violations.remove(0);
        assert_eq!(fault.field, "type");
        assert!(fault.description.contains(&authority(TYPE)));
        // The case is theirs to decide.
        Box::pin(kommune.drafted(&person, unit, kommune.whole(&soknad))).await;
    }
    let request = order(&kommune, &person, "bom");
    let placed: BestillKortvarigTjenesteResponse = ok(&desk, &method, request).await;
    let first = placed.oppdrag.unwrap();
    assert_eq!(first.bestiller, format!("enheter/{unit}"));

    let request = TrekkSoknadRequest {
        name: soknad.clone(),
        request_id: request_id(),
        personens_onske: "Vil ikke likevel.".to_owned(),
    };
    let method = "bestillerkontor.v1.SoknadService/TrekkSoknad";
    ok::<_, TrekkSoknadResponse>(&office, method, request).await;
    if unit != "bestillerkontor" {
        let request = HentSoknadRequest { name: soknad };
        let method = "bestillerkontor.v1.SoknadService/HentSoknad";
        let status = refused::<_, HentSoknadResponse>(&desk, method, request).await;
        assert_eq!(status.code(), Code::NotFound);
    }
    let waits = async |name: &str| -> Vec<Ventetype> {
        let list = kommune.waiting(unit).await;
        let its = list.iter().filter(|post| post.post == name);
        its.map(Ventepost::r#type).collect()
    };
    let offered = [Ventetype::Svar, Ventetype::Utlop];
    assert_eq!(waits(&first.name).await, offered);

    // Declined, ordered of another, and declined again.
    declined(&kommune, "bom", &first.name).await;
    assert_eq!(waits(&first.name).await, [Ventetype::Omfordeling]);
    let request = order(&kommune, &person, "rop");
    let method = format!("{OPPDRAG}/BestillKortvarigTjeneste");
    let placed: BestillKortvarigTjenesteResponse = ok(&desk, &method, request).await;
    let second = placed.oppdrag.unwrap().name;
    assert!(waits(&first.name).await.is_empty());
    declined(&kommune, "rop", &second).await;
    let read = oppdrag(&desk, &second).await;
    assert_eq!(read.tilstand(), OppdragTilstand::Avvist);
    let request = AvsluttOmfordelingRequest {
        name: second.clone(),
        request_id: request_id(),
        begrunnelse: "Fastlegen steller såret.".to_owned(),
        alternativ: "Fastlegen.".to_owned(),
    };
    let method = format!("{OPPDRAG}/AvsluttOmfordeling");
    ok::<_, AvsluttOmfordelingResponse>(&desk, &method, request).await;
    assert!(waits(&second).await.is_empty());
    for order in [&first.name, &second] {
        no_oppdrag(&desk, order).await;
    }
}
