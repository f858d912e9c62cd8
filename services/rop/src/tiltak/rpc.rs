//! `TiltakService`: contract ↔ domain, and what bestillerkontor grants, read
//! through the gateway.

use samspor_chassis::{
    domene::{Dag, Virkninger, dokument, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    rpc,
    server::Chassis,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{HentOppdragRequest, Oppdrag, oppdrag_service_client::OppdragServiceClient},
    felles::Feilgrunn,
    rop::{
        self as proto, AvsluttTiltakRequest, AvsluttTiltakResponse, HentTiltakRequest,
        HentTiltakResponse, ListEnhetensLeveringerRequest, ListEnhetensLeveringerResponse,
        ListLeveringerRequest, ListLeveringerResponse, ListTiltakRequest, ListTiltakResponse,
        OppdaterTiltakRequest, OppdaterTiltakResponse, OpprettTiltakRequest, OpprettTiltakResponse,
        tiltak_service_server::TiltakService,
    },
    tilgang::Formal,
};
use tonic::{Code, Request, Response, Status};

use super::{
    Tiltak,
    rules::{avsluttet_oppdrag, fra_minutter, grad, krev_apent, les_ramme, les_uke, timer},
    store, to_proto,
};
use crate::{
    ENHET, Rop,
    innboks::{self, Type},
    kontakt,
    kontakt::rules::les_ref,
    lager::{self, Post},
    oppfolging,
};

/// The oppdrag, read through the gateway as the service itself.
async fn les_oppdrag(chassis: &Chassis, name: &str) -> Result<Oppdrag, Refusal> {
    let unavailable = || Refusal::new(Feilgrunn::Utilgjengelig).with("del", "bestillerkontor");
    let gateway = chassis.gateway().ok_or_else(unavailable)?;
    let mut client = OppdragServiceClient::new(gateway.channel(Formal::Ytelse));
    let request = HentOppdragRequest {
        name: name.to_owned(),
    };
    match client.hent_oppdrag(request).await {
        Ok(answer) => answer.into_inner().oppdrag.ok_or_else(unavailable),
        Err(status) if matches!(status.code(), Code::NotFound | Code::PermissionDenied) => {
            Err(Refusal::not_found())
        }
        Err(_) => Err(unavailable()),
    }
}

#[tonic::async_trait]
impl TiltakService for Rop {
    async fn opprett_tiltak(
        &self,
        request: Request<OpprettTiltakRequest>,
    ) -> Result<Response<OpprettTiltakResponse>, Status> {
        let name = request.get_ref().oppdrag.clone();
        let mut read = None;
        if !name.is_empty() && rpc::verified(&request)?.actor.enhet == ENHET {
            read = Some(les_oppdrag(&self.chassis, &name).await?);
        }
        rpc::write(
            &self.chassis,
            request,
            |r| r.request_id.as_str(),
            |tx, request| Box::pin(opprett(tx, request, read)),
        )
        .await
    }

    async fn oppdater_tiltak(
        &self,
        request: Request<OppdaterTiltakRequest>,
    ) -> Result<Response<OppdaterTiltakResponse>, Status> {
        let call = rpc::verified(&request)?;
        let name = request.get_ref().name.clone();
        let mut read = None;
        if call.actor.enhet == ENHET {
            let known = self.chassis.store().read(call, |tx| {
                Box::pin(async move { lager::les_navngitt::<Tiltak>(tx, &name).await })
            });
            let oppdrag = known.await?.innhold.oppdrag;
            if !oppdrag.is_empty() {
                read = Some(les_oppdrag(&self.chassis, &oppdrag).await?);
            }
        }
        rpc::write(
            &self.chassis,
            request,
            |r| r.request_id.as_str(),
            |tx, request| Box::pin(oppdater(tx, request, read)),
        )
        .await
    }

    async fn avslutt_tiltak(
        &self,
        request: Request<AvsluttTiltakRequest>,
    ) -> Result<Response<AvsluttTiltakResponse>, Status> {
        rpc::write(
            &self.chassis,
            request,
            |r| r.request_id.as_str(),
            |tx, request| Box::pin(avslutt(tx, request)),
        )
        .await
    }

    async fn hent_tiltak(
        &self,
        request: Request<HentTiltakRequest>,
    ) -> Result<Response<HentTiltakResponse>, Status> {
        rpc::read(&self.chassis, request, |tx, request| {
            Box::pin(hent(tx, request))
        })
        .await
    }

    async fn list_tiltak(
        &self,
        request: Request<ListTiltakRequest>,
    ) -> Result<Response<ListTiltakResponse>, Status> {
        rpc::read(&self.chassis, request, |tx, request| {
            Box::pin(list(tx, request))
        })
        .await
    }

    async fn list_leveringer(
        &self,
        request: Request<ListLeveringerRequest>,
    ) -> Result<Response<ListLeveringerResponse>, Status> {
        rpc::read(&self.chassis, request, |tx, request| {
            Box::pin(list_leveringer(tx, request))
        })
        .await
    }

    async fn list_enhetens_leveringer(
        &self,
        request: Request<ListEnhetensLeveringerRequest>,
    ) -> Result<Response<ListEnhetensLeveringerResponse>, Status> {
        rpc::read(&self.chassis, request, |tx, request| {
            Box::pin(list_enhetens_leveringer(tx, request))
        })
        .await
    }
}

async fn opprett(
    tx: &mut Tx,
    request: OpprettTiltakRequest,
    read: Option<Oppdrag>,
) -> Result<OpprettTiltakResponse, Error> {
    let av = crate::for_enhet(tx)?;
    let now = tx.now();
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    les_ref(&request.oppdrag, "oppdrag", &person, "oppdrag", &mut faults);
    let beskrivelse = felt::pakrevd(&request.beskrivelse, "beskrivelse", felt::LANG, &mut faults);
    let hjemmel = felt::hjemmel(request.hjemmel.as_ref(), "hjemmel", &mut faults);
    faults.finish()?;
    let mut tiltak = Tiltak {
        oppdrag: request.oppdrag,
        beskrivelse,
        rammer: Vec::new(),
        bestilt: now,
        avsluttet: None,
        avslutning: String::new(),
        registrert_av: av,
        registrert: now,
        hjemmel,
        endret: None,
    };
    if let Some(oppdrag) = read {
        tiltak.oppdater(les_ramme(&oppdrag, now)?, Dag::av(now));
        let offered = oppdrag.tilbudt.and_then(|at| Tid::try_from(at).ok());
        tiltak.bestilt = offered.unwrap_or(now);
    }
    if tiltak.oppdrag.is_empty() {
        let followed = oppfolging::rpc::folg(tx, &person).await?;
        oppfolging::rpc::leverer(tx, &followed).await?;
    } else {
        crate::las_person(tx, &person).await?;
        // Its end may have been heard of since it was read.
        if !oppfolging::rpc::oppdrag_pagar(tx, &person, &tiltak.oppdrag, true).await? {
            return Err(avsluttet_oppdrag().into());
        }
    }
    let tiltak = Post::ny(ENHET, person, tx.new_id(), tiltak);
    if !lager::sett_inn(tx, &tiltak).await? {
        return Err(Refusal::conflict("et tiltak for oppdraget").into());
    }
    fortell(tx, "TiltakOpprettet", &tiltak);
    Ok(OpprettTiltakResponse {
        tiltak: Some(to_proto(&tiltak)),
    })
}

async fn oppdater(
    tx: &mut Tx,
    request: OppdaterTiltakRequest,
    read: Option<Oppdrag>,
) -> Result<OppdaterTiltakResponse, Error> {
    crate::for_enhet(tx)?;
    let now = tx.now();
    let mut tiltak =
        lager::hent_for_endring::<Tiltak>(tx, &request.name, FieldFaults::new()).await?;
    krev_apent(&tiltak)?;
    if let Some(oppdrag) = read {
        let ramme = les_ramme(&oppdrag, now)?;
        let amended = tiltak.innhold.endret.take();
        tiltak
            .innhold
            .oppdater(ramme, Dag::av(amended.unwrap_or(now)));
        lager::lagre(tx, &mut tiltak).await?;
        fortell(tx, "TiltakOppdatert", &tiltak);
        let (type_, oppdrag) = (Type::OppdaterTiltak, &tiltak.innhold.oppdrag);
        innboks::rpc::ferdig(tx, &tiltak.person, type_, oppdrag).await?;
    }
    Ok(OppdaterTiltakResponse {
        tiltak: Some(to_proto(&tiltak)),
    })
}

async fn avslutt(
    tx: &mut Tx,
    request: AvsluttTiltakRequest,
) -> Result<AvsluttTiltakResponse, Error> {
    crate::for_enhet(tx)?;
    let mut faults = FieldFaults::new();
    let reason = felt::pakrevd(&request.begrunnelse, "begrunnelse", felt::LANG, &mut faults);
    let mut tiltak = lager::hent_for_endring::<Tiltak>(tx, &request.name, faults).await?;
    krev_apent(&tiltak)?;
    if !tiltak.innhold.oppdrag.is_empty() {
        let mut faults = FieldFaults::new();
        faults.contradicts(
            "name",
            "oppdrag",
            "tiltaket slutter når oppdraget avsluttes hos bestillerkontoret",
        );
        faults.finish()?;
    }
    tiltak.innhold.avsluttet = Some(tx.now());
    tiltak.innhold.avslutning = reason;
    lager::lagre(tx, &mut tiltak).await?;
    fortell(tx, "TiltakAvsluttet", &tiltak);
    oppfolging::rpc::leverer_mindre(tx, &tiltak.person).await?;
    Ok(AvsluttTiltakResponse {
        tiltak: Some(to_proto(&tiltak)),
    })
}

fn fortell(tx: &mut Tx, type_: &'static str, tiltak: &Post<Tiltak>) {
    let mut out = Virkninger::new();
    out.hendelse(type_, &tiltak.emne(), [tiltak.enhet.clone()]);
    out.utfor(tx);
}

/// The oppdrag has ended at bestillerkontor, and what is delivered under it.
pub(crate) async fn oppdrag_avsluttet(
    tx: &mut Tx,
    person: &str,
    oppdrag: &str,
) -> Result<(), Error> {
    let open = lager::apne::<Tiltak>(tx, person).await?;
    for mut tiltak in open.into_iter().filter(|t| t.innhold.oppdrag == oppdrag) {
        tiltak.innhold.avsluttet = Some(tx.now());
        "Oppdraget er avsluttet.".clone_into(&mut tiltak.innhold.avslutning);
        lager::lagre(tx, &mut tiltak).await?;
        fortell(tx, "TiltakAvsluttet", &tiltak);
    }
    Ok(())
}

/// Whether something is delivered to the person.
pub(crate) async fn noe_apent(tx: &mut Tx, person: &str) -> Result<bool, Error> {
    Ok(!lager::apne::<Tiltak>(tx, person).await?.is_empty())
}

/// An oppdrag was amended then; false where nothing is delivered under it.
pub(crate) async fn oppdrag_endret(
    tx: &mut Tx,
    person: &str,
    oppdrag: &str,
    da: Tid,
) -> Result<bool, Error> {
    let open = lager::apne::<Tiltak>(tx, person).await?;
    let mut under = open.into_iter().filter(|t| t.innhold.oppdrag == oppdrag);
    let Some(mut tiltak) = under.next() else {
        return Ok(false);
    };
    tiltak.innhold.endret = Some(da);
    lager::lagre(tx, &mut tiltak).await?;
    Ok(true)
}

/// A contact is delivered under a tiltak of the person.
///
/// # Errors
/// `IKKE_FUNNET`; a fault where the contact came after its end.
pub(crate) async fn krev_levert_under(
    tx: &mut Tx,
    person: &str,
    id: &str,
    tidspunkt: Tid,
) -> Result<(), Error> {
    let tiltak: Post<Tiltak> = lager::hent(tx, person, id).await?;
    let mut faults = FieldFaults::new();
    if tiltak.innhold.avsluttet.is_some_and(|end| tidspunkt >= end) {
        faults.contradicts("tiltak", "tidspunkt", "tiltaket var avsluttet da");
    }
    Ok(faults.finish()?)
}

async fn hent(tx: &mut Tx, request: HentTiltakRequest) -> Result<HentTiltakResponse, Error> {
    let tiltak = lager::les_navngitt(tx, &request.name).await?;
    Ok(HentTiltakResponse {
        tiltak: Some(to_proto(&tiltak)),
    })
}

async fn list(tx: &mut Tx, request: ListTiltakRequest) -> Result<ListTiltakResponse, Error> {
    let (all, next_page_token) =
        lager::personens(tx, &request.parent, request.page_size, &request.page_token).await?;
    Ok(ListTiltakResponse {
        tiltak: all.iter().map(to_proto).collect(),
        next_page_token,
    })
}

fn levering(row: store::Row, monday: Dag, now: Tid) -> Result<proto::Levering, Error> {
    let (id, person, _, innhold, minutes, contacts, missed) = row;
    let tiltak: Tiltak = dokument::les(&innhold)?;
    let granted = tiltak.innvilget(monday);
    let (min, max) = granted.unwrap_or_default();
    let delivered = fra_minutter(minutes);
    let count = |number: i64| i32::try_from(number).unwrap_or(i32::MAX);
    Ok(proto::Levering {
        name: navn::post(&person, "leveringer", &format!("{id}_{monday}")),
        etag: String::new(),
        ansvarlig_enhet: navn::enhet(ENHET),
        tiltak: navn::post(&person, kontakt::TILTAK, &id),
        uke: monday.to_string(),
        innvilget_min: timer(min),
        innvilget_maks: timer(max),
        levert: timer(delivered),
        kontakter: count(contacts),
        ikke_mott: count(missed),
        grad: grad(granted, delivered).into(),
        pagar: monday.pluss_dager(7).start() > now,
        skjerming: None,
    })
}

/// One page of a week, of a person or a unit.
async fn uke(
    tx: &mut Tx,
    sql: &'static str,
    key: &str,
    monday: Dag,
    page: &Page,
) -> Result<(Vec<proto::Levering>, String), Error> {
    let (rows, next) = store::uke(tx, sql, key, monday, page).await?;
    let now = tx.now();
    let weeks = rows.into_iter().map(|row| levering(row, monday, now));
    Ok((weeks.collect::<Result<_, _>>()?, next))
}

async fn list_leveringer(
    tx: &mut Tx,
    request: ListLeveringerRequest,
) -> Result<ListLeveringerResponse, Error> {
    let mut faults = FieldFaults::new();
    let person = navn::les_person(&request.parent, "parent", &mut faults);
    let monday = les_uke(&request.uke, tx.now(), &mut faults);
    faults.finish()?;
    let monday = monday.ok_or_else(|| Error::internal("no week and no fault"))?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (leveringer, next_page_token) =
        uke(tx, store::PERSONENS_UKE, &person, monday, &page).await?;
    Ok(ListLeveringerResponse {
        leveringer,
        next_page_token,
    })
}

async fn list_enhetens_leveringer(
    tx: &mut Tx,
    request: ListEnhetensLeveringerRequest,
) -> Result<ListEnhetensLeveringerResponse, Error> {
    let mut faults = FieldFaults::new();
    let enhet = navn::les_enhet(&request.parent, "parent", &mut faults);
    let monday = les_uke(&request.uke, tx.now(), &mut faults);
    faults.finish()?;
    let monday = monday.ok_or_else(|| Error::internal("no week and no fault"))?;
    let page = Page::parse(request.page_size, &request.page_token)?;
    let (leveringer, next_page_token) = uke(tx, store::ENHETENS_UKE, &enhet, monday, &page).await?;
    Ok(ListEnhetensLeveringerResponse {
        leveringer,
        next_page_token,
    })
}
