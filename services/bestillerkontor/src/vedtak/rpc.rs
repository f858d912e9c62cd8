//! `VedtakService`: contract ↔ domain.

use std::collections::BTreeSet;

use samspor_chassis::{
    domene::{Aktor, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    store::{Tx, etag},
};
use samspor_proto::{
    bestillerkontor::{
        AvvisEndringRequest, AvvisEndringResponse, EndreVedtakRequest, EndreVedtakResponse,
        FattVedtakRequest, FattVedtakResponse, ForeslaOpphorRequest, ForeslaOpphorResponse,
        ForkastVedtakRequest, ForkastVedtakResponse, GodkjennEndringRequest,
        GodkjennEndringResponse, HentVedtakRequest, HentVedtakResponse, ListVedtakRequest,
        ListVedtakResponse, OppdaterVedtakRequest, OppdaterVedtakResponse, OpphorVedtakRequest,
        OpphorVedtakResponse, OpprettVedtakRequest, OpprettVedtakResponse,
        RegistrerEvalueringRequest, RegistrerEvalueringResponse, ReturnerVedtakRequest,
        ReturnerVedtakResponse, SendTilGodkjenningRequest, SendTilGodkjenningResponse,
        UnderrettVedtakRequest, UnderrettVedtakResponse, UtsettUnderretningRequest,
        UtsettUnderretningResponse,
    },
    felles::Kvittering,
};

use super::{
    SAMLING, Tilstand, Vedtak, avslag, endring, endring::Forslag, hovedansvar, innhold,
    innhold::Nektet, overtakelse, rules, slutt, store,
};
use crate::{
    evaluering, innboks, klage, mottatt,
    oppdrag::{self, Oppdrag},
    soknad::{self, Soknad},
};

pub(crate) async fn opprett(
    tx: &mut Tx,
    request: OpprettVedtakRequest,
) -> Result<OpprettVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let draft = request.vedtak.unwrap_or_default();
    let (owner, soknad) =
        navn::les_post(&draft.soknad, soknad::SAMLING, "vedtak.soknad", &mut faults);
    let enhet = match draft.ansvarlig_enhet.as_str() {
        "" => tx.call().actor.enhet.clone(),
        name => navn::les_enhet(name, "vedtak.ansvarlig_enhet", &mut faults),
    };
    let innhold = les_innhold(tx, &draft, &mut faults);
    faults.finish()?;
    if owner != person {
        return Err(Refusal::not_found().into());
    }
    crate::las_person(tx, &person).await?;
    let soknad = soknad::store::hent(tx, &person, &soknad).await?;
    crate::krev_enhet(tx, &soknad.ansvarlig_enhet)?;
    // Left empty it is the unit that drafts, which may decide nothing itself.
    let mut faults = FieldFaults::new();
    let besluttere = &tx.call().besluttere;
    innhold::krev_ko(&enhet, "vedtak.ansvarlig_enhet", besluttere, &mut faults);
    let nektet = Nektet::av(tx, [&soknad]);
    innhold::ikke_nektet(&enhet, "vedtak.ansvarlig_enhet", &nektet, &mut faults);
    faults.finish()?;
    let av = Aktor::from(&tx.call().actor);
    let (vedtak, virkninger) =
        rules::opprett(&soknad, tx.new_id(), &enhet, innhold, &av, tx.now())?;
    store::sett_inn(tx, &vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(OpprettVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn oppdater(
    tx: &mut Tx,
    request: OppdaterVedtakRequest,
) -> Result<OppdaterVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let innhold = les_innhold(tx, &request.vedtak.unwrap_or_default(), &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let av = Aktor::from(&tx.call().actor);
    let mut vedtak = rules::oppdater(vedtak, innhold, tx.call().klasser, av)?;
    store::lagre(tx, &mut vedtak).await?;
    Ok(OppdaterVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn send(
    tx: &mut Tx,
    request: SendTilGodkjenningRequest,
) -> Result<SendTilGodkjenningResponse, Error> {
    let vedtak = les_versjon(tx, &request.name, &request.etag, FieldFaults::new()).await?;
    let av = Aktor::from(&tx.call().actor);
    let hovedansvarlig = store::hovedansvarlig(tx, &vedtak.person).await?;
    let nektet = nektet(tx, &vedtak).await?;
    krev_ikke_dobbelt(tx, &vedtak, &vedtak.innhold).await?;
    let hovedansvarlig = hovedansvarlig.as_deref();
    let (mut vedtak, virkninger) = rules::send(vedtak, hovedansvarlig, &nektet, av, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(SendTilGodkjenningResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn returner(
    tx: &mut Tx,
    request: ReturnerVedtakRequest,
) -> Result<ReturnerVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let (mut vedtak, virkninger) = rules::returner(vedtak, begrunnelse, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(ReturnerVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn fatt(
    tx: &mut Tx,
    request: FattVedtakRequest,
) -> Result<FattVedtakResponse, Error> {
    let vedtak = les_versjon(tx, &request.name, &request.etag, FieldFaults::new()).await?;
    let soknad = soknad::store::hent(tx, &vedtak.person, &vedtak.soknad).await?;
    let av = Aktor::from(&tx.call().actor);
    let others = store::pa_soknad(tx, &soknad.id).await?;
    let undecided = |other: &Vedtak| {
        other.id != vedtak.id
            && matches!(other.tilstand, Tilstand::Utkast | Tilstand::TilGodkjenning)
    };
    let funksjoner = tx.call().funksjoner.clone();
    let myndighet = rules::Myndighet {
        funksjoner: &funksjoner,
        hovedansvarlig: store::hovedansvarlig(tx, &vedtak.person).await?,
        siste: !others.iter().any(undecided),
        besvart: avslag::besvart(others.iter().filter(|other| other.id != vedtak.id)),
        korte: krev_ikke_dobbelt(tx, &vedtak, &vedtak.innhold).await?,
    };
    let nektet = Nektet::av(tx, [&soknad]);
    let now = tx.now();
    let fattet = rules::fatt(vedtak, soknad, &nektet, &myndighet, &av, now, || {
        tx.new_id()
    })?;
    let rules::Fattet {
        mut vedtak,
        mut soknad,
        oppdrag,
        overtatt,
        virkninger,
    } = fattet;
    store::flytt_hovedansvar(tx, "", &vedtak).await?;
    store::lagre(tx, &mut vedtak).await?;
    soknad::store::lagre(tx, &mut soknad).await?;
    for order in &oppdrag {
        oppdrag::store::sett_inn(tx, order).await?;
    }
    for mut order in overtatt {
        oppdrag::store::lagre(tx, &mut order).await?;
    }
    innboks::utfor(tx, virkninger).await?;
    oppdrag::omfordeling::dekket(tx, &vedtak.person, &avslag::tjenester(&vedtak)).await?;
    hovedansvar::folg(tx, &vedtak.person).await?;
    Ok(FattVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn underrett(
    tx: &mut Tx,
    request: UnderrettVedtakRequest,
) -> Result<UnderrettVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let mate = felt::pakrevd(&request.mate, "mate", felt::KORT, &mut faults);
    let told = mottatt::les(
        &request.underrettet,
        &request.etterregistrert_grunn,
        "underrettet",
        false,
        tx.now(),
        &mut faults,
    );
    let vedtak = les(tx, &request.name, faults).await?;
    let (mut vedtak, virkninger) = rules::underrett(vedtak, mate, told)?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(UnderrettVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn forkast(
    tx: &mut Tx,
    request: ForkastVedtakRequest,
) -> Result<ForkastVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let (mut vedtak, virkninger) = rules::forkast(vedtak, begrunnelse, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    lukk_soknad(tx, &vedtak).await?;
    Ok(ForkastVedtakResponse {
        kvittering: Some(kvittering(tx, &vedtak)),
    })
}

/// Where all else on the application is decided, nothing waits there.
async fn lukk_soknad(tx: &mut Tx, vedtak: &Vedtak) -> Result<(), Error> {
    let mut others = store::pa_soknad(tx, &vedtak.soknad).await?;
    others.retain(|other| other.tilstand != Tilstand::Forkastet);
    if others.is_empty() || others.iter().any(|other| other.forlop.fattet.is_none()) {
        return Ok(());
    }
    let soknad = soknad::store::hent(tx, &vedtak.person, &vedtak.soknad).await?;
    let answered = avslag::besvart(&others);
    let applied: BTreeSet<_> = avslag::sokt(&soknad.innhold.innsendt).collect();
    if !applied.is_subset(&answered) {
        return Ok(());
    }
    let av = Aktor::from(&tx.call().actor);
    let (mut soknad, virkninger) = soknad::rules::vedta(soknad, av, tx.now())?;
    soknad::store::lagre(tx, &mut soknad).await?;
    innboks::utfor(tx, virkninger).await
}

pub(crate) async fn foresla_opphor(
    tx: &mut Tx,
    request: ForeslaOpphorRequest,
) -> Result<ForeslaOpphorResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let opphor = slutt::les_opphor(&request, av, &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let (mut vedtak, virkninger) = endring::foresla_opphor(vedtak, opphor, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(ForeslaOpphorResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn opphor(
    tx: &mut Tx,
    request: OpphorVedtakRequest,
) -> Result<OpphorVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let varsel = felt::pakrevd(&request.varsel, "varsel", felt::KORT, &mut faults);
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let orders = oppdrag::store::uavsluttede(tx, &vedtak.id).await?;
    let av = Aktor::from(&tx.call().actor);
    let funksjoner = tx.call().funksjoner.clone();
    let myndighet = rules::Myndighet::alene(&funksjoner);
    let kvittering = kvittering(tx, &vedtak);
    let avsluttet = slutt::opphor(vedtak, orders, varsel, &myndighet, &av, tx.now())?;
    lagre_avsluttet(tx, avsluttet).await?;
    Ok(OpphorVedtakResponse {
        kvittering: Some(kvittering),
    })
}

fn kvittering(tx: &Tx, vedtak: &Vedtak) -> Kvittering {
    Kvittering {
        referanse: vedtak.id.clone(),
        mottatt: Some(tx.now().into()),
    }
}

pub(crate) async fn utsett(
    tx: &mut Tx,
    request: UtsettUnderretningRequest,
) -> Result<UtsettUnderretningResponse, Error> {
    let mut faults = FieldFaults::new();
    let utsettelse = rules::les_utsettelse(&request, tx.now(), &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let utsettelse = utsettelse.ok_or_else(|| Error::internal("no day without a fault"))?;
    let (mut vedtak, virkninger) = rules::utsett(vedtak, utsettelse)?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(UtsettUnderretningResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn endre(
    tx: &mut Tx,
    request: EndreVedtakRequest,
) -> Result<EndreVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let forslag = Forslag {
        innhold: les_innhold(tx, &request.vedtak.unwrap_or_default(), &mut faults),
        begrunnelse: felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults),
        slutt: endring::les_linjeslutt(&request.linjeslutt, &mut faults),
        av: Aktor::from(&tx.call().actor),
    };
    let vedtak = les_versjon(tx, &request.name, &request.etag, faults).await?;
    let nektet = nektet(tx, &vedtak).await?;
    krev_ikke_dobbelt(tx, &vedtak, &forslag.innhold).await?;
    let klasser = tx.call().klasser;
    let (mut vedtak, virkninger) = endring::endre(vedtak, forslag, &nektet, klasser, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(EndreVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

/// The amendment takes force; a klage that it answers ends in the same step.
pub(crate) async fn godkjenn(
    tx: &mut Tx,
    request: GodkjennEndringRequest,
) -> Result<GodkjennEndringResponse, Error> {
    let vedtak = les_versjon(tx, &request.name, &request.etag, FieldFaults::new()).await?;
    let orders = oppdrag::store::uavsluttede(tx, &vedtak.id).await?;
    let av = Aktor::from(&tx.call().actor);
    let funksjoner = tx.call().funksjoner.clone();
    let mut myndighet = rules::Myndighet::alene(&funksjoner);
    let nektet = nektet(tx, &vedtak).await?;
    let before = if rules::I_KRAFT.contains(&vedtak.tilstand) {
        vedtak.innhold.hovedansvarlig.clone()
    } else {
        String::new()
    };
    let answers = vedtak.forlop.endring.clone();
    if let Some(change) = &answers {
        myndighet.korte = krev_ikke_dobbelt(tx, &vedtak, &change.innhold).await?;
    }
    let now = tx.now();
    let mut versjon = endring::godkjenn(vedtak, orders, &nektet, &myndighet, &av, now, || {
        tx.new_id()
    })?;
    if let Some(change) = answers
        && let Some(klage) = change.klage
    {
        let person = versjon.vedtak.person.clone();
        let utfall = klage::rpc::omgjort(tx, &person, &klage, change.begrunnelse, av).await?;
        let (vedtak, virkninger) = rules::klageutfall(versjon.vedtak, utfall);
        versjon.vedtak = vedtak;
        innboks::utfor(tx, virkninger).await?;
    }
    let vedtak = lagre_ny_versjon(tx, &before, versjon).await?;
    Ok(GodkjennEndringResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn avvis_endring(
    tx: &mut Tx,
    request: AvvisEndringRequest,
) -> Result<AvvisEndringResponse, Error> {
    let mut faults = FieldFaults::new();
    let begrunnelse = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let (mut vedtak, virkninger) = endring::avvis_endring(vedtak, begrunnelse)?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(AvvisEndringResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn evaluer(
    tx: &mut Tx,
    request: RegistrerEvalueringRequest,
) -> Result<RegistrerEvalueringResponse, Error> {
    let mut faults = FieldFaults::new();
    let av = Aktor::from(&tx.call().actor);
    let evaluering = evaluering::les(request.evaluering.as_ref(), av, tx.now(), &mut faults);
    let vedtak = les(tx, &request.name, faults).await?;
    let evaluering = evaluering.ok_or_else(|| Error::internal("no evaluation without a fault"))?;
    let (mut vedtak, virkninger) = rules::evaluer(vedtak, evaluering, tx.now())?;
    store::lagre(tx, &mut vedtak).await?;
    innboks::utfor(tx, virkninger).await?;
    Ok(RegistrerEvalueringResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

/// The application was taken back or closed: drafts on it that other units
/// were to decide leave them nothing to do.
pub(crate) async fn bortfall(tx: &mut Tx, soknad: &str) -> Result<(), Error> {
    for draft in store::pa_soknad(tx, soknad).await? {
        if let Some(virkninger) = rules::bortfall(&draft, tx.now()) {
            innboks::utfor(tx, virkninger).await?;
        }
    }
    Ok(())
}

/// The person refuses a unit that was to decide: its draft is discarded, and
/// with it what that opened.
pub(crate) async fn forkast_hos_nektede(tx: &mut Tx, soknad: &Soknad) -> Result<(), Error> {
    let refused = soknad.nektet();
    for draft in store::pa_soknad(tx, &soknad.id).await? {
        if !refused.contains(&draft.ansvarlig_enhet) {
            continue;
        }
        if let Some((mut draft, virkninger)) = rules::forkast_hos_nektet(draft, tx.now()) {
            store::lagre(tx, &mut draft).await?;
            innboks::utfor(tx, virkninger).await?;
        }
    }
    Ok(())
}

/// The last day of the vedtak of a deadline has passed.
pub(crate) async fn utlop(tx: &mut Tx, post: &str) -> Result<(), Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(post, SAMLING, "post", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let vedtak = store::hent(tx, &person, &id).await?;
    let orders = oppdrag::store::uavsluttede(tx, &id).await?;
    if let Some(avsluttet) = slutt::utlop(vedtak, orders, tx.now()) {
        lagre_avsluttet(tx, avsluttet).await?;
    }
    Ok(())
}

async fn lagre_avsluttet(tx: &mut Tx, avsluttet: slutt::Avsluttet) -> Result<(), Error> {
    let slutt::Avsluttet {
        mut vedtak,
        oppdrag,
        virkninger,
    } = avsluttet;
    if !vedtak.innhold.hovedansvarlig.is_empty() {
        store::slipp_hovedansvar(tx, &vedtak.person).await?;
    }
    store::lagre(tx, &mut vedtak).await?;
    for mut order in oppdrag {
        oppdrag::store::lagre(tx, &mut order).await?;
    }
    innboks::utfor(tx, virkninger).await?;
    hovedansvar::folg(tx, &vedtak.person).await
}

pub(crate) async fn hent(
    tx: &mut Tx,
    request: HentVedtakRequest,
) -> Result<HentVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let (person, id) = navn::les_post(&request.name, SAMLING, "name", &mut faults);
    faults.finish()?;
    let mut vedtak = store::hent(tx, &person, &id).await?;
    if request.versjon != 0 && request.versjon != vedtak.forlop.innholdsversjon {
        let utgave = store::utgave(tx, &id, request.versjon).await?;
        vedtak.innhold = utgave.innhold;
        vedtak.forlop.endret = utgave.endret;
        vedtak.forlop.innholdsversjon = request.versjon;
        vedtak.forlop.avslutning = utgave.avslutning;
        vedtak.forlop.endring = None;
    }
    Ok(HentVedtakResponse {
        vedtak: Some(vedtak.to_proto()),
    })
}

pub(crate) async fn list(
    tx: &mut Tx,
    request: ListVedtakRequest,
) -> Result<ListVedtakResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    faults.finish()?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (vedtak, next_page_token) = store::personens(tx, &person, &page).await?;
    Ok(ListVedtakResponse {
        vedtak: vedtak.iter().map(Vedtak::to_proto).collect(),
        next_page_token,
    })
}

/// The vedtak that a verb names, alone with this transaction.
async fn les(tx: &mut Tx, name: &str, mut faults: FieldFaults) -> Result<Vedtak, Error> {
    let (person, id) = navn::les_post(name, SAMLING, "name", &mut faults);
    faults.finish()?;
    crate::las_person(tx, &person).await?;
    let vedtak = store::hent(tx, &person, &id).await?;
    crate::krev_enhet(tx, &vedtak.ansvarlig_enhet)?;
    Ok(vedtak)
}

impl Nektet {
    /// What the person said on these applications, and to koordinering.
    pub(crate) fn av<'a>(tx: &Tx, soknader: impl IntoIterator<Item = &'a Soknad>) -> Self {
        Self {
            kontakt: soknader.into_iter().flat_map(Soknad::nektet).collect(),
            deling: tx.call().reservert_mot.iter().cloned().collect(),
        }
    }
}

/// Units that the person refuses, on the application of a vedtak or otherwise.
pub(crate) async fn nektet(tx: &mut Tx, vedtak: &Vedtak) -> Result<Nektet, Error> {
    let soknad = soknad::store::hent(tx, &vedtak.person, &vedtak.soknad).await?;
    Ok(Nektet::av(tx, [&soknad]))
}

/// What a vedtak is to say, no other vedtak in force says too, and nobody delivers
/// without one. The person's open orders without a vedtak.
async fn krev_ikke_dobbelt(
    tx: &mut Tx,
    vedtak: &Vedtak,
    innhold: &innhold::Innhold,
) -> Result<Vec<Oppdrag>, Error> {
    let mut in_force = store::i_kraft(tx, &vedtak.person).await?;
    in_force.retain(|other| other.id != vedtak.id);
    let others = in_force.iter().map(|other| (other.name(), &other.innhold));
    innhold::krev_ikke_dobbelt(innhold, others)?;
    let korte = oppdrag::store::apne_kortvarige(tx, &vedtak.person).await?;
    let now = vedtak.forlop.fattet.as_ref().map(|_| &vedtak.innhold);
    overtakelse::krev(innhold, now, &korte)?;
    Ok(korte)
}

/// What a vedtak shall say; its lines go to units that take orders.
pub(crate) fn les_innhold(
    tx: &Tx,
    request: &samspor_proto::bestillerkontor::Vedtak,
    faults: &mut FieldFaults,
) -> innhold::Innhold {
    let innhold = innhold::les(request, faults);
    let call = tx.call();
    innhold::krev_koer(&innhold, &call.utforere, &call.boligtildelere, faults);
    innhold
}

/// Stores the next version, with its orders. `hovedansvarlig`: the unit that had
/// the main responsibility by it; empty where it was not in force.
async fn lagre_ny_versjon(
    tx: &mut Tx,
    hovedansvarlig: &str,
    versjon: endring::NyVersjon,
) -> Result<Vedtak, Error> {
    let endring::NyVersjon {
        mut vedtak,
        forrige: (nr, utgave),
        oppdrag,
        nye,
        virkninger,
    } = versjon;
    store::flytt_hovedansvar(tx, hovedansvarlig, &vedtak).await?;
    store::ta_vare_pa(tx, &vedtak.id, nr, &utgave).await?;
    store::lagre(tx, &mut vedtak).await?;
    for mut order in oppdrag {
        oppdrag::store::lagre(tx, &mut order).await?;
    }
    for order in &nye {
        oppdrag::store::sett_inn(tx, order).await?;
    }
    innboks::utfor(tx, virkninger).await?;
    oppdrag::omfordeling::dekket(tx, &vedtak.person, &avslag::tjenester(&vedtak)).await?;
    hovedansvar::folg(tx, &vedtak.person).await?;
    Ok(vedtak)
}

/// The same in the version that the caller read.
pub(super) async fn les_versjon(
    tx: &mut Tx,
    name: &str,
    read: &str,
    mut faults: FieldFaults,
) -> Result<Vedtak, Error> {
    if read.is_empty() {
        faults.missing("etag");
    }
    let vedtak = les(tx, name, faults).await?;
    etag::check(read, vedtak.versjon)?;
    Ok(vedtak)
}
