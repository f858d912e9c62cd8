//! Tiltak: what the unit delivers to a person, and delivered against granted
//! per week.
//!
//! What is granted is bestillerkontor's to say: it is read through the gateway
//! when the tiltak begins and when the vedtak was amended, and kept with the
//! instant at which it was read. Invariants: one tiltak per oppdrag, and none
//! for one that is known to have ended; a grant never changes for days before
//! the oppdrag was amended; a tiltak under an oppdrag ends with the oppdrag and
//! in no other way.

use futures::{FutureExt as _, future::BoxFuture};
use samspor_chassis::{
    domene::{Aktor, Dag, Hjemmel, Virkninger, dokument, felt, navn},
    error::{Error, FieldFaults, Refusal},
    page::Page,
    params, rpc,
    server::Chassis,
    store::Tx,
    tid::Tid,
};
use samspor_proto::{
    bestillerkontor::{
        HentOppdragRequest, Oppdrag, OppdragTilstand, oppdrag_service_client::OppdragServiceClient,
    },
    felles::Feilgrunn,
    rop::{
        self as proto, AvsluttTiltakRequest, AvsluttTiltakResponse, HentTiltakRequest,
        HentTiltakResponse, Leveringsgrad, ListEnhetensLeveringerRequest,
        ListEnhetensLeveringerResponse, ListLeveringerRequest, ListLeveringerResponse,
        ListTiltakRequest, ListTiltakResponse, OppdaterTiltakRequest, OppdaterTiltakResponse,
        OpprettTiltakRequest, OpprettTiltakResponse, tiltak_service_server::TiltakService,
    },
    tilgang::Formal,
};
use serde::{Deserialize, Serialize};
use tonic::{Code, Request, Response, Status};

use crate::{
    ENHET, Rop,
    innboks::{self, Type},
    kontakt,
    kontakt::rules::les_ref,
    lager::{self, Post},
    oppfolging, plandekning, tabell,
};

/// What is granted a week, between two days.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Ramme {
    min_timer: f64,
    maks_timer: f64,
    fra: Dag,
    til: Option<Dag>,
    lest: Tid,
}

/// A tiltak.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tiltak {
    /// Resource name at bestillerkontor; empty: without vedtak.
    oppdrag: String,
    beskrivelse: String,
    /// In order of days, none over another.
    rammer: Vec<Ramme>,
    pub(crate) bestilt: Tid,
    avsluttet: Option<Tid>,
    avslutning: String,
    registrert_av: Aktor,
    registrert: Tid,
    hjemmel: Hjemmel,
    /// When the oppdrag was last amended, until that is read.
    #[serde(default)]
    endret: Option<Tid>,
}

impl lager::Innhold for Tiltak {
    const SAMLING: &'static str = kontakt::TILTAK;
    const SQL: &'static lager::Sql = tabell!("tiltak");

    fn apen(&self) -> bool {
        self.avsluttet.is_none()
    }

    fn nokkel(&self) -> String {
        self.oppdrag.clone()
    }

    fn frist(&self) -> Option<Tid> {
        Some(self.avsluttet.unwrap_or(lager::APENT))
    }

    fn fra(&self) -> Tid {
        self.bestilt
    }

    /// The unit counts who has one.
    fn lagret<'t>(tx: &'t mut Tx, person: &'t str) -> BoxFuture<'t, Result<(), Error>> {
        plandekning::oppdater(tx, person).boxed()
    }
}

impl Tiltak {
    /// Hours granted in a week from its Monday: a day that a grant covers gives
    /// a seventh of it. None where no day is covered.
    fn innvilget(&self, monday: Dag) -> Option<(f64, f64)> {
        let sunday = monday.pluss_dager(6);
        let mut days = (0..7).map(|n| monday.pluss_dager(n));
        let covered = days.any(|day| self.ramme(day).is_some());
        covered.then(|| self.innvilget_mellom(monday, sunday))
    }

    /// Hours granted between two days, both of them counted.
    pub(crate) fn innvilget_mellom(&self, fra: Dag, til: Dag) -> (f64, f64) {
        let (mut min, mut max) = (0.0, 0.0);
        let mut day = fra;
        while day <= til {
            if let Some(ramme) = self.ramme(day) {
                min += ramme.min_timer;
                max += ramme.maks_timer;
            }
            day = day.pluss_dager(1);
        }
        (min / 7.0, max / 7.0)
    }

    /// What is granted on a day.
    fn ramme(&self, day: Dag) -> Option<&Ramme> {
        let ended = self.avsluttet.is_some_and(|end| day.start() >= end);
        let ramme = self.rammer.iter().find(|ramme| ramme.dekker(day));
        ramme.filter(|_| !ended)
    }

    /// Takes over what was read: from the day of the amendment on, whenever it is
    /// read, or from the first day where nothing was known. Days before it keep
    /// what was granted then.
    fn oppdater(&mut self, mut read: Ramme, amended: Dag) {
        if !self.rammer.is_empty() {
            read.fra = read.fra.max(amended);
        }
        self.rammer.retain(|known| known.fra < read.fra);
        if let Some(last) = self.rammer.last_mut() {
            let before = read.fra.pluss_dager(-1);
            last.til = Some(last.til.map_or(before, |til| til.min(before)));
        }
        if read.til.is_none_or(|til| til >= read.fra) {
            self.rammer.push(read);
        }
    }
}

impl Ramme {
    fn dekker(&self, day: Dag) -> bool {
        self.fra <= day && self.til.is_none_or(|til| day <= til)
    }
}

fn to_proto(tiltak: &Post<Tiltak>) -> proto::Tiltak {
    let Tiltak {
        oppdrag,
        beskrivelse,
        rammer,
        bestilt,
        avsluttet,
        avslutning,
        registrert_av,
        registrert,
        hjemmel,
        endret: _,
    } = tiltak.innhold.clone();
    let rammer = rammer.into_iter().map(|ramme| proto::Ramme {
        min_timer: ramme.min_timer,
        maks_timer: ramme.maks_timer,
        fra: ramme.fra.to_string(),
        til: ramme.til.map(|day| day.to_string()).unwrap_or_default(),
        lest: Some(ramme.lest.into()),
    });
    proto::Tiltak {
        name: tiltak.name(),
        etag: tiltak.etag(),
        ansvarlig_enhet: navn::enhet(&tiltak.enhet),
        oppdrag,
        beskrivelse,
        rammer: rammer.collect(),
        bestilt: Some(bestilt.into()),
        avsluttet: avsluttet.map(Into::into),
        avslutning,
        registrert_av: Some(registrert_av.to_proto()),
        registrert: Some(registrert.into()),
        hjemmel: Some(hjemmel.to_proto()),
        skjerming: None,
    }
}

// ---- what bestillerkontor grants --------------------------------------------

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

fn avsluttet_oppdrag() -> Refusal {
    let mut faults = FieldFaults::new();
    faults.contradicts(
        "oppdrag",
        "parent",
        "oppdraget er ikke akseptert av enheten, eller det er avsluttet",
    );
    faults.finish().err().unwrap_or_else(Refusal::not_found)
}

/// What an oppdrag grants, when the unit has accepted it and it has not ended.
fn les_ramme(oppdrag: &Oppdrag, now: Tid) -> Result<Ramme, Error> {
    let accepted = matches!(
        oppdrag.tilstand(),
        OppdragTilstand::Akseptert | OppdragTilstand::Startet | OppdragTilstand::Pauset
    );
    if !accepted || oppdrag.enhet != navn::enhet(ENHET) {
        return Err(avsluttet_oppdrag().into());
    }
    let unreadable = |_| Error::internal("an oppdrag has a day that is none");
    let til = match oppdrag.til.as_str() {
        "" => None,
        day => Some(day.parse().map_err(unreadable)?),
    };
    Ok(Ramme {
        min_timer: oppdrag.min_timer,
        maks_timer: oppdrag.maks_timer,
        fra: oppdrag.fra.parse().map_err(unreadable)?,
        til,
        lest: now,
    })
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

// ---- handlers -----------------------------------------------------------------

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

fn krev_apent(tiltak: &Post<Tiltak>) -> Result<(), Refusal> {
    match tiltak.innhold.avsluttet {
        None => Ok(()),
        Some(_) => Err(Refusal::transition("AVSLUTTET", &[])),
    }
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

// ---- delivered against granted ---------------------------------------------------

/// Id, person, end, content, minutes met, contacts, contacts not met.
type Row = (String, String, Tid, String, i64, i64, i64);

const PERSONENS_UKE: &str = "SELECT t.id, t.person, t.frist, t.innhold, \
    (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall = 'MOTT'), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall <> 'MOTT') \
    FROM tiltak t WHERE t.person = $1 AND (t.frist, t.id) > ($2, $3) \
    ORDER BY t.frist, t.id LIMIT $6";

const ENHETENS_UKE: &str = "SELECT t.id, t.person, t.frist, t.innhold, \
    (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall = 'MOTT'), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5), \
    (SELECT CAST(COUNT(*) AS BIGINT) FROM kontakt k WHERE k.tiltak = t.id AND k.rettelse = '' \
     AND k.tiltak <> '' AND k.tidspunkt >= $4 AND k.tidspunkt < $5 AND k.utfall <> 'MOTT') \
    FROM tiltak t WHERE t.ansvarlig_enhet = $1 AND (t.frist, t.id) > ($2, $3) \
    ORDER BY t.frist, t.id LIMIT $6";

/// Monday of the week of a day.
pub(crate) fn mandag(day: Dag) -> Dag {
    // 2001-01-01 was a Monday.
    let monday = Dag::av(Tid(978_303_600_000_000));
    day.pluss_dager(-monday.dager_til(day).rem_euclid(7))
}

/// The Monday of the week that a request asks for.
fn les_uke(uke: &str, now: Tid, faults: &mut FieldFaults) -> Option<Dag> {
    let monday = mandag(felt::pakrevd_dag(uke, "uke", faults)?);
    if monday > Dag::av(now) {
        faults.form("uke", "en uke som har begynt");
    }
    Some(monday)
}

/// How delivered hours stand to granted hours.
fn grad(innvilget: Option<(f64, f64)>, levert: f64) -> Leveringsgrad {
    match innvilget {
        None => Leveringsgrad::UtenRamme,
        Some((min, _)) if levert < min => Leveringsgrad::Under,
        Some((_, max)) if levert > max => Leveringsgrad::Over,
        Some(_) => Leveringsgrad::Innenfor,
    }
}

/// Two decimals are enough for hours.
fn timer(hours: f64) -> f64 {
    (hours * 100.0).round() / 100.0
}

/// Minutes of a week as hours.
pub(crate) fn fra_minutter(minutes: i64) -> f64 {
    f64::from(i32::try_from(minutes).unwrap_or(i32::MAX)) / 60.0
}

fn levering(row: Row, monday: Dag, now: Tid) -> Result<proto::Levering, Error> {
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

/// One page of what touches a week, of a person or a unit: first what ended
/// first, then what goes on.
async fn uke(
    tx: &mut Tx,
    sql: &'static str,
    key: &str,
    monday: Dag,
    page: &Page,
) -> Result<(Vec<proto::Levering>, String), Error> {
    let (from, to) = (monday.start(), monday.pluss_dager(7).start());
    // What ended at the first instant of the week had no part in it.
    let first = (from, "z".to_owned());
    let after = page.after().and_then(|token| token.split_once('_'));
    let after = after.and_then(|(end, id)| Some((Tid(end.parse().ok()?), id.to_owned())));
    let (end, id) = after.unwrap_or(first);
    let rows: Vec<Row> = tx
        .all(sql, params![key, end, id, from, to, page.limit()])
        .await?;
    let (rows, next) = page.cut(rows, |row| format!("{}_{}", row.2.0, row.0));
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
    let (leveringer, next_page_token) = uke(tx, PERSONENS_UKE, &person, monday, &page).await?;
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
    let (leveringer, next_page_token) = uke(tx, ENHETENS_UKE, &enhet, monday, &page).await?;
    Ok(ListEnhetensLeveringerResponse {
        leveringer,
        next_page_token,
    })
}

/// The person was met under a tiltak; the first time is kept.
pub(crate) async fn mott(tx: &mut Tx, id: &str, tidspunkt: Tid) -> Result<(), Error> {
    tx.execute(
        "UPDATE tiltak SET forst_mott = $2 WHERE id = $1 AND forst_mott > $2",
        params![id, tidspunkt],
    )
    .await?;
    Ok(())
}

/// A contact under a tiltak counts no more: when the person was first met may
/// have been later, or never.
pub(crate) async fn ikke_mott(tx: &mut Tx, id: &str) -> Result<(), Error> {
    tx.execute(
        "UPDATE tiltak SET forst_mott = COALESCE((SELECT MIN(k.tidspunkt) FROM kontakt k \
         WHERE k.tiltak = tiltak.id AND k.rettelse = '' AND k.tiltak <> '' AND k.utfall = 'MOTT'), \
         9223372036854775807) WHERE id = $1",
        params![id],
    )
    .await?;
    Ok(())
}

/// Civil days from the order to the first meeting, for each tiltak of the unit under
/// which the person was first met in a period.
pub(crate) async fn ventet(
    tx: &mut Tx,
    enhet: &str,
    fra: Tid,
    til: Tid,
) -> Result<Vec<i32>, Error> {
    let rows: Vec<(String, Tid)> = tx
        .all(
            "SELECT innhold, forst_mott FROM tiltak \
             WHERE ansvarlig_enhet = $1 AND forst_mott >= $2 AND forst_mott < $3",
            params![enhet, fra, til],
        )
        .await?;
    let waited = rows.into_iter().map(|(innhold, met)| {
        let tiltak: Tiltak = dokument::les(&innhold)?;
        Ok(Dag::av(tiltak.bestilt).dager_til(Dag::av(met)).max(0))
    });
    waited.collect()
}

/// Tiltak of the unit that were ordered before an instant and had neither begun
/// nor ended then.
pub(crate) async fn ventet_da(tx: &mut Tx, enhet: &str, da: Tid) -> Result<i64, Error> {
    let row: Option<(i64,)> = tx
        .one(
            "SELECT CAST(COUNT(*) AS BIGINT) FROM tiltak WHERE ansvarlig_enhet = $1 \
             AND forst_mott >= $2 AND frist >= $2 AND fra < $2",
            params![enhet, da],
        )
        .await?;
    Ok(row.map_or(0, |(count,)| count))
}

/// Hours under oppdrag in a period: granted least and most, and delivered.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Timer {
    /// How many oppdrag they are of.
    pub(crate) oppdrag: usize,
    pub(crate) min: f64,
    pub(crate) maks: f64,
    pub(crate) levert: f64,
}

/// Rows that are held at a time.
const PORSJON: i64 = 500;

/// Granted against delivered over everything of the unit that touches a period
/// of whole days.
pub(crate) async fn timer_i(tx: &mut Tx, enhet: &str, fra: Dag, til: Dag) -> Result<Timer, Error> {
    let (from, to) = (fra.start(), til.slutt());
    let mut sum = Timer::default();
    // What ended at the first instant has no part in the period.
    let mut after = (from, "z".to_owned());
    loop {
        let rows: Vec<(String, Tid, String, i64)> = tx
            .all(
                "SELECT t.id, t.frist, t.innhold, \
                 (SELECT CAST(COALESCE(SUM(k.minutter), 0) AS BIGINT) FROM kontakt k \
                  WHERE k.tiltak = t.id AND k.rettelse = '' AND k.tiltak <> '' AND k.tidspunkt >= $4 \
                  AND k.tidspunkt < $5 AND k.utfall = 'MOTT') \
                 FROM tiltak t WHERE t.ansvarlig_enhet = $1 AND (t.frist, t.id) > ($2, $3) \
                 ORDER BY t.frist, t.id LIMIT $6",
                params![enhet, after.0, after.1.as_str(), from, to, PORSJON],
            )
            .await?;
        let Some((id, end, ..)) = rows.last() else {
            return Ok(sum);
        };
        after = (*end, id.clone());
        for (_, _, innhold, minutes) in rows {
            let tiltak: Tiltak = dokument::les(&innhold)?;
            if tiltak.oppdrag.is_empty() {
                continue;
            }
            let (min, max) = tiltak.innvilget_mellom(fra, til);
            sum.oppdrag += usize::from(max > 0.0 || minutes > 0);
            sum.min += min;
            sum.maks += max;
            sum.levert += fra_minutter(minutes);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::float_cmp, reason = "tests")]

    use samspor_proto::felles::Rolle;

    use super::*;

    const NOW: Tid = Tid(1_800_000_000_000_000);

    fn day(text: &str) -> Dag {
        text.parse().unwrap()
    }

    fn ramme(min: f64, max: f64, fra: &str, til: &str) -> Ramme {
        Ramme {
            min_timer: min,
            maks_timer: max,
            fra: day(fra),
            til: til.parse().ok(),
            lest: NOW,
        }
    }

    fn tiltak(rammer: Vec<Ramme>) -> Tiltak {
        Tiltak {
            oppdrag: "o".into(),
            beskrivelse: "Oppfølging".into(),
            rammer,
            bestilt: NOW,
            avsluttet: None,
            avslutning: String::new(),
            registrert_av: Aktor {
                enhet: "rop".into(),
                ansatt: "r1".into(),
                rolle: Rolle::Miljo,
            },
            registrert: NOW,
            hjemmel: Hjemmel::default(),
            endret: None,
        }
    }

    /// The changes of clocks of 2026 are on 29 March and 25 October.
    ///
    /// Seen red: without rounding over the change of clocks.
    #[test]
    fn a_week_begins_with_its_monday() {
        for (any, monday) in [
            ("2026-10-05", "2026-10-05"),
            ("2026-10-11", "2026-10-05"),
            ("2026-03-29", "2026-03-23"),
            ("2026-03-30", "2026-03-30"),
            ("2026-10-25", "2026-10-19"),
            ("2026-10-26", "2026-10-26"),
            ("2026-07-01", "2026-06-29"),
            ("2000-12-31", "2000-12-25"),
        ] {
            assert_eq!(mandag(day(any)), day(monday), "{any}");
        }
    }

    #[test]
    fn a_week_to_come_cannot_be_asked_for() {
        // 2027-01-15 is a Friday.
        for (uke, sound) in [("2027-01-17", true), ("2027-01-18", false), ("", false)] {
            let mut faults = FieldFaults::new();
            les_uke(uke, NOW, &mut faults);
            assert_eq!(faults.is_empty(), sound, "{uke}");
        }
    }

    /// Grants, then the week of Monday 2026-10-05.
    ///
    /// Seen red: with another number of days in a week.
    #[test]
    fn a_grant_counts_by_the_days_that_it_covers() {
        let monday = day("2026-10-05");
        for (rammer, expected) in [
            (vec![], None),
            (vec![ramme(7.0, 14.0, "2026-01-01", "")], Some((7.0, 14.0))),
            (vec![ramme(7.0, 14.0, "2026-10-09", "")], Some((3.0, 6.0))),
            (
                vec![ramme(7.0, 14.0, "2026-01-01", "2026-10-05")],
                Some((1.0, 2.0)),
            ),
            (vec![ramme(7.0, 14.0, "2026-01-01", "2026-10-04")], None),
            (
                vec![
                    ramme(7.0, 7.0, "2026-01-01", "2026-10-06"),
                    ramme(14.0, 14.0, "2026-10-07", ""),
                ],
                Some((12.0, 12.0)),
            ),
        ] {
            assert_eq!(
                tiltak(rammer.clone()).innvilget(monday),
                expected,
                "{rammer:?}"
            );
        }
        let mut ended = tiltak(vec![ramme(7.0, 14.0, "2026-01-01", "")]);
        ended.avsluttet = Some(day("2026-10-07").start());
        assert_eq!(ended.innvilget(monday), Some((2.0, 4.0)));
    }

    /// Seen red: with a grant that replaces the one before it altogether.
    #[test]
    fn an_amendment_leaves_the_days_that_have_passed() {
        let today = day("2026-10-07");
        let mut amended = tiltak(vec![ramme(7.0, 7.0, "2026-01-01", "2026-12-31")]);
        amended.oppdater(ramme(14.0, 14.0, "2026-01-01", "2027-12-31"), today);
        assert_eq!(amended.innvilget(day("2026-09-28")), Some((7.0, 7.0)));
        assert_eq!(amended.innvilget(day("2026-10-05")), Some((12.0, 12.0)));
        assert_eq!(amended.innvilget(day("2026-10-12")), Some((14.0, 14.0)));
        // Once more on the same day changes nothing.
        let once = amended.clone();
        amended.oppdater(ramme(14.0, 14.0, "2026-01-01", "2027-12-31"), today);
        assert_eq!(amended, once);
        // Read for the first time, it holds from its own first day.
        let mut first = tiltak(vec![]);
        first.oppdater(ramme(7.0, 7.0, "2026-09-01", ""), today);
        assert_eq!(first.innvilget(day("2026-09-07")), Some((7.0, 7.0)));
    }

    #[test]
    fn delivered_against_granted() {
        for (granted, delivered, expected) in [
            (None, 3.0, Leveringsgrad::UtenRamme),
            (Some((2.0, 4.0)), 1.9, Leveringsgrad::Under),
            (Some((2.0, 4.0)), 2.0, Leveringsgrad::Innenfor),
            (Some((2.0, 4.0)), 4.0, Leveringsgrad::Innenfor),
            (Some((2.0, 4.0)), 4.1, Leveringsgrad::Over),
            (Some((0.0, 4.0)), 0.0, Leveringsgrad::Innenfor),
        ] {
            assert_eq!(
                grad(granted, delivered),
                expected,
                "{granted:?} {delivered}"
            );
        }
    }
}
