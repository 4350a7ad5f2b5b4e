"use strict";
// Everything is on the page without this: it lays pictures over one another, sorts tables and reads curves.

const over = (figure) => {
  const stack = figure.querySelector(".stack");
  if (stack.querySelector(".over")) return stack;
  const other = figure.closest(".images").querySelector(`figure[data-column="${figure.dataset.other}"]`);
  const shown = other.querySelector("img").cloneNode();  // The same picture: it is in the file once.
  shown.className = "over";
  shown.alt = "";
  stack.dataset.label = other.querySelector("img").alt;
  const edge = document.createElement("span");
  edge.className = "edge off";
  stack.append(shown, edge);
  return stack;
};

for (const figure of document.querySelectorAll("figure[data-other]")) {
  const stack = figure.querySelector(".stack");
  stack.addEventListener("pointerenter", () => over(figure).classList.add("whole"));
  for (const end of ["pointerleave", "pointercancel"]) {
    stack.addEventListener(end, () => stack.classList.remove("whole"));
  }
  const label = figure.querySelector(".slide");
  if (!label) continue;
  label.hidden = false;
  const slider = label.querySelector("input");
  slider.addEventListener("input", () => {
    over(figure).style.setProperty("--cut", `${slider.value}%`);
    stack.querySelector(".edge").classList.toggle("off", slider.value === "0" || slider.value === "100");
    slider.setAttribute("aria-valuetext", `${slider.value} % ${stack.dataset.label}`);
  });
  slider.value = 0;  // A browser may remember it from before.
}

const compare = (a, b) => {
  const [x, y] = [a, b].map((cell) => cell.dataset.value === undefined ? null : Number(cell.dataset.value));
  if (x === null && y === null) return a.textContent.localeCompare(b.textContent, undefined, { numeric: true });
  return x === null ? 1 : y === null ? -1 : x === y ? 0 : x - y;
};

for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    button.title = "sort by this column";
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((each) => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const known = (row) => row.cells[column].textContent !== "\u2013";
      const rows = [...body.rows];
      const sorted = rows.filter(known).sort((a, b) => (down ? -1 : 1) * compare(a.cells[column], b.cells[column]));
      body.append(...sorted, ...rows.filter((row) => !known(row)));  // What is missing stays last.
    });
  });
}

for (const chart of document.querySelectorAll(".chart[data-axes]")) {
  const svg = chart.querySelector("svg");
  const axes = JSON.parse(chart.dataset.axes);
  const outputs = [...chart.querySelectorAll(".legend output")];
  const step = chart.querySelector(".step");
  const here = svg.querySelector(".here");
  const series = outputs.map((_, index) => {
    const marks = [...svg.querySelectorAll(`[data-series="${index}"]`)];
    return marks.flatMap((mark) => mark.tagName === "circle"
      ? [[Number(mark.getAttribute("cx")), Number(mark.getAttribute("cy"))]]
      : mark.getAttribute("points").split(" ").map((point) => point.split(",").map(Number)));
  });
  const places = [...new Set(series.flat().map((point) => point[0]))];
  const value = (y) => {
    const share = (axes.bottom - y) / (axes.bottom - axes.top);
    const found = axes.low + share * (axes.high - axes.low);
    return axes.log ? 10 ** found : found;
  };
  const told = (number) => Number(number.toPrecision(3)).toString();
  svg.addEventListener("pointermove", (event) => {
    const box = svg.getBoundingClientRect();
    const at = (event.clientX - box.left) / box.width * svg.viewBox.baseVal.width;
    const x = places.reduce((best, place) => Math.abs(place - at) < Math.abs(best - at) ? place : best, places[0]);
    here.setAttribute("x1", x);
    here.setAttribute("x2", x);
    here.removeAttribute("visibility");
    step.textContent = `step ${Math.round((x - axes.left) / (axes.right - axes.left) * axes.steps)}`;
    series.forEach((points, index) => {
      const point = points.find((each) => each[0] === x);
      outputs[index].textContent = point ? told(value(point[1])) : "";
    });
  });
  svg.addEventListener("pointerleave", () => {
    here.setAttribute("visibility", "hidden");
    step.textContent = "";
    outputs.forEach((output) => { output.textContent = ""; });
  });
}
