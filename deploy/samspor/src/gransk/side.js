
"use strict";
const valg = document.getElementById("valg");
const rader = [...document.querySelectorAll("#alt tr[data-nr]")];
const dager = [...document.querySelectorAll("#alt tbody")];
const merker = new Map([...document.querySelectorAll("#linje a[data-nr]")].map((m) => [m.dataset.nr, m]));
const lop = [...document.querySelectorAll("tr.lop")].map((r) => r.dataset);

function vis() {
  const valgt = (navn) => new Set([...valg.elements[navn] instanceof RadioNodeList ? valg.elements[navn]
    : [valg.elements[navn]]].filter((b) => b.checked).map((b) => b.value));
  const [baner, slag] = [valgt("bane"), valgt("slag")];
  const sok = valg.elements.sok.value.trim().toLowerCase();
  let antall = 0;
  for (const rad of rader) {
    const med = baner.has(rad.dataset.bane) && slag.has(rad.dataset.slag)
      && (sok === "" || rad.textContent.toLowerCase().includes(sok));
    rad.hidden = !med;
    merker.get(rad.dataset.nr)?.toggleAttribute("hidden", !med);
    antall += med ? 1 : 0;
  }
  for (const dag of dager) dag.hidden = !dag.querySelector("tr[data-nr]:not([hidden])");
  document.getElementById("antall").textContent = `Viser ${antall} av ${rader.length}`;
}

function oyeblikk() {
  const rad = rader[valg.elements.oyeblikk.value - 1];
  const tid = Number(rad.dataset.tid);
  const apne = lop.filter((l) => Number(l.fra) <= tid && (l.til === "" || tid < Number(l.til)));
  const klokke = `${rad.closest("tbody").querySelector(".dag").textContent} ${rad.querySelector("time").textContent}`;
  const hva = apne.map((l) => `${l.id} ${l.tekst}`).join(", ") || "ingenting";
  document.getElementById("apent").textContent = `${klokke}: åpent da: ${hva}`;
  valg.elements.oyeblikk.setAttribute("aria-valuetext", klokke);
  const akse = document.getElementById("linje").dataset;
  const x = Number(akse.venstre) + Number(akse.lengde) * (tid - akse.fra) / (akse.til - akse.fra);
  const markor = document.getElementById("markor");
  for (const ende of ["x1", "x2"]) markor.setAttribute(ende, x);
  markor.setAttribute("visibility", "visible");
}

if (valg) {
  valg.hidden = false;
  valg.addEventListener("input", (h) => (h.target.id === "oyeblikk" ? oyeblikk() : vis()));
  valg.addEventListener("reset", () => setTimeout(vis));
  valg.addEventListener("submit", (h) => h.preventDefault());
}

let lukkede = [];
addEventListener("beforeprint", () => {
  lukkede = [...document.querySelectorAll("details:not([open])")];
  for (const d of lukkede) d.open = true;
});
addEventListener("afterprint", () => { for (const d of lukkede) d.open = false; });
