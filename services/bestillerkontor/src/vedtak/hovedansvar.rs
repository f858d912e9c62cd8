//! The main responsibility for a person: one unit has it, however many vedtak
//! are in force, and it delivers something, or a clock runs until another has
//! it.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, Virkninger, felt, kalender, navn},
    error::{Error, FieldFaults, Refusal},
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{BytteHovedansvarligRequest, BytteHovedansvarligResponse},
    felles::{Faktumtype, Kvittering},
};

use super::{
    Endret, FRIST_HOVEDANSVAR, FRIST_OPPFOLGING, Tilstand, Utgave, Vedtak, innhold,
    klokker::{frist_for_ny_underretning, frister_for_slutt},
    rules::{I_KRAFT, hoerer_om, myndigheten},
    store,
};
use crate::{ENHET, innboks, oppdrag};

/// Working days within which another unit has the main responsibility, and
/// within which it is settled what becomes of a service that its unit ended: as
/// the answer to an offer.
const ARBEIDSDAGER: u16 = 3;

/// Lets the clocks follow who delivers, after each change of an order or a
/// vedtak of the person.
pub(crate) async fn folg(tx: &mut Tx, person: &str) -> Result<(), Error> {
    let in_force = store::i_kraft(tx, person).await?;
    let delivering = oppdrag::store::enheter_med_apne(tx, person).await?;
    for vedtak in &in_force {
        let unit = &vedtak.innhold.hovedansvarlig;
        let allocates = |other: &Vedtak| {
            let mut housing = other.innhold.bolig.iter();
            housing.any(|line| line.enhet == *unit)
        };
        let has_work = delivering.contains(unit) || in_force.iter().any(allocates);
        let waits = innboks::store::venter(tx, &vedtak.name(), FRIST_HOVEDANSVAR).await?;
        if has_work == waits {
            let virkninger = skift(vedtak, has_work, tx.now());
            innboks::utfor(tx, virkninger).await?;
        }
    }
    Ok(())
}

fn skift(vedtak: &Vedtak, has_work: bool, now: Tid) -> Virkninger {
    let mut out = Virkninger::new();
    let emne = vedtak.emne();
    if has_work || vedtak.innhold.hovedansvarlig.is_empty() {
        out.slett_frist(FRIST_HOVEDANSVAR, &emne.post);
    } else {
        out.hendelse("HovedansvarLedig", &emne, hoerer_om(vedtak));
        let due = kalender::arbeidsdager_etter(now, ARBEIDSDAGER);
        out.frist(FRIST_HOVEDANSVAR, &emne, due, None, myndigheten(vedtak));
    }
    out
}

/// Gives the main responsibility to another unit, for all the person's vedtak in
/// force at once, so that no two of them name different units.
pub(crate) async fn bytt(
    tx: &mut Tx,
    request: BytteHovedansvarligRequest,
) -> Result<BytteHovedansvarligResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let enhet = navn::les_enhet(&request.enhet, "enhet", &mut faults);
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let mut in_force = store::i_kraft(tx, &person).await?;
    let own = tx.call().actor.enhet.as_str();
    let decides = in_force.iter().any(|vedtak| vedtak.ansvarlig_enhet == own);
    if in_force.is_empty() || !(decides || own == ENHET) {
        return Err(Refusal::not_found().into());
    }
    let delivering = oppdrag::store::enheter_med_apne(tx, &person).await?;
    let mut faults = FieldFaults::new();
    let mut housing = in_force.iter().flat_map(|vedtak| &vedtak.innhold.bolig);
    if !delivering.contains(&enhet) && !housing.any(|line| line.enhet == enhet) {
        faults.contradicts(
            "enhet",
            "oppdrag",
            "enheten leverer ikke noe til personen; endre et vedtak først (EndreVedtak)",
        );
    }
    for vedtak in &in_force {
        let nektet = super::rpc::nektet(tx, vedtak).await?;
        innhold::ikke_nektet(&enhet, "enhet", &nektet, &mut faults);
    }
    faults.finish()?;
    let change = Endret {
        tid: tx.now(),
        av: Aktor::from(&tx.call().actor),
        begrunnelse,
    };
    for vedtak in &mut in_force {
        let Some((nr, utgave, virkninger)) = ny_hovedansvarlig(vedtak, &enhet, &change) else {
            continue;
        };
        store::ta_vare_pa(tx, &vedtak.id, nr, &utgave).await?;
        store::lagre(tx, vedtak).await?;
        innboks::utfor(tx, virkninger).await?;
    }
    store::bytt_hovedansvar(tx, &person, &enhet).await?;
    folg(tx, &person).await?;
    Ok(BytteHovedansvarligResponse {
        kvittering: Some(Kvittering {
            referanse: person,
            mottatt: Some(tx.now().into()),
        }),
    })
}

/// The next version, where another unit has it, of which the person is told; with
/// the number and the content of the one before. None where the unit has it
/// already, or where the vedtak gives it to nobody.
fn ny_hovedansvarlig(
    vedtak: &mut Vedtak,
    enhet: &str,
    change: &Endret,
) -> Option<(i32, Utgave, Virkninger)> {
    let earlier = vedtak.clone();
    let before = earlier.innhold.hovedansvarlig.clone();
    if before == enhet || before.is_empty() {
        return None;
    }
    let mut told: BTreeSet<String> = hoerer_om(vedtak).into_iter().collect();
    let mut out = Virkninger::new();
    let mut had = vedtak.enhetens_fakta(&before, Some(change.tid));
    enhet.clone_into(&mut vedtak.innhold.hovedansvarlig);
    vedtak.tilstand = Tilstand::Fattet;
    vedtak.forlop.innholdsversjon = earlier.forlop.innholdsversjon.saturating_add(1);
    vedtak.forlop.endret = Some(change.clone());
    // It carries out nothing of what the statsforvalter decided.
    let versjon = vedtak.forlop.innholdsversjon;
    let found = vedtak.forlop.klageutfall.iter_mut();
    for found in found.filter(|found| found.venter(earlier.forlop.innholdsversjon)) {
        found.versjon = versjon;
    }
    if let Some(waits) = &mut vedtak.forlop.endring
        && waits.innhold.hovedansvarlig == before
    {
        enhet.clone_into(&mut waits.innhold.hovedansvarlig);
    }
    told.extend(hoerer_om(vedtak));
    let still_party = vedtak.parter().contains(before.as_str());
    had.retain(|fact| match fact.r#type() {
        Faktumtype::Hovedansvarlig => true,
        Faktumtype::Part => !still_party,
        _ => false,
    });
    let mut has = vedtak.enhetens_fakta(enhet, None);
    has.retain(|fact| matches!(fact.r#type(), Faktumtype::Hovedansvarlig | Faktumtype::Part));
    out.fakta.extend(had.into_iter().chain(has));
    out.hendelse("HovedansvarligByttet", &vedtak.emne(), told);
    frist_for_ny_underretning(&earlier, vedtak, change.tid, &mut out);
    frister_for_slutt(vedtak, change.tid, &mut out);
    let utgave = Utgave {
        innhold: earlier.innhold,
        endret: earlier.forlop.endret,
        avslutning: None,
    };
    Some((earlier.forlop.innholdsversjon, utgave, out))
}

/// A unit ended what it delivered while the vedtak is in force, or delivers less
/// than is granted: what is left of the need is with who ordered, who amends,
/// ends or evaluates the vedtak.
pub(crate) fn oppfolging(vedtak: &Vedtak, now: Tid) -> Virkninger {
    let mut out = Virkninger::new();
    if I_KRAFT.contains(&vedtak.tilstand) {
        let due = kalender::arbeidsdager_etter(now, ARBEIDSDAGER);
        let told = myndigheten(vedtak);
        out.frist(FRIST_OPPFOLGING, &vedtak.emne(), due, None, told);
    }
    out
}
