// The explorer: a plot of all trials, whose points tell what they are, and their table.
for (const root of document.querySelectorAll(".explorer")) {
  const data = JSON.parse(root.querySelector("script").textContent);
  const trials = data.optimizers.flatMap((optimizer, of) => optimizer.trials.map(
    ([number, validation, test, values, curve]) =>
      ({of, number, validation, test, values, curve, title: `${optimizer.title} ${number}`})));
  const hidden = new Set();
  const [width, height, left, right, top, bottom] = [640, 300, 56, 12, 10, 34];
  let shown = [];
  let chosen = null;
  let ofX = Math.max(0, data.names.findIndex(name => /rate|eta0|alpha0/.test(name)));

  const namespace = root.querySelector("svg").namespaceURI;
  const svg = (name, attributes, parent, text) => {
    const element = document.createElementNS(namespace, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    return parent.appendChild(element);
  };
  const html = (name, parent, text, className) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    if (className) element.className = className;
    return parent.appendChild(element);
  };
  const short = value => value === null || value === undefined ? "-" : String(value);
  const result = value => value === null ? "diverged"
    : `${Number(value.toPrecision(3))} ${data.unit}`.trim();
  const told = trial => [
    `validation ${result(trial.validation)}`,
    ...(trial.test === null ? [] : [`test ${result(trial.test)}`]),
    ...data.names.flatMap((name, i) => trial.values[i] === null ? [] : `${name} ${trial.values[i]}`),
  ].join(", ");
  // A scale from values to 0..1, logarithmic if asked and possible.
  const scale = (values, asked) => {
    const known = values.filter(value => value !== null);
    if (!known.length) return {ends: []};
    const log = asked && known.every(value => value > 0);
    const of = log ? Math.log10 : value => value;
    const low = Math.min(...known.map(of));
    const span = Math.max(...known.map(of)) - low || 1;
    const at = value => (of(value) - low) / span;
    at.ends = [0, 0.5, 1].map(u => {
      const value = low + u * span;
      return [u, Number((log ? 10 ** value : value).toPrecision(2)).toString()];
    });
    return at;
  };
  const axes = (plot, x, y, w, h) => {
    svg("path", {class: "axis", d: `M${left},${top}V${h - bottom}H${w - right}`}, plot);
    for (const [u, text] of x.ends) {
      svg("text", {x: left + u * (w - left - right), y: h - bottom + 14, "text-anchor": "middle"},
          plot, text);
    }
    for (const [u, text] of y.ends) {
      svg("text", {x: left - 6, y: h - bottom - u * (h - top - bottom) + 4, "text-anchor": "end"},
          plot, text);
    }
  };

  const controls = html("div", root, undefined, "controls");
  const label = html("label", controls, "against ");
  const select = html("select", label);
  data.names.forEach((name, i) => { html("option", select, name).value = i; });
  select.value = ofX;
  select.addEventListener("change", () => { ofX = Number(select.value); draw(); });
  data.optimizers.forEach((optimizer, of) => {
    const button = html("button", controls, optimizer.title);
    button.style.borderColor = optimizer.colour;
    button.setAttribute("aria-pressed", "true");
    button.addEventListener("click", () => {
      if (!hidden.delete(of)) hidden.add(of);
      button.setAttribute("aria-pressed", String(!hidden.has(of)));
      draw();
      list();
    });
  });
  const plot = svg("svg", {viewBox: `0 0 ${width} ${height}`, role: "img"}, root);
  const info = html("p", root, "Point at a trial, or tap it.", "told");
  info.setAttribute("aria-live", "polite");
  const curve = svg("svg", {viewBox: `0 0 ${width} 150`, class: "curve"}, root);
  const search = html("input", html("label", root, "Search trials "));
  search.type = "search";
  search.placeholder = "adam, or epsilon > 1, or validation < 3";
  search.addEventListener("input", () => list());
  const scroll = html("div", root, undefined, "scroll rows");
  const table = html("table", scroll);
  const headings = ["trial", "validation", "test", ...data.names];
  const head = html("tr", html("thead", table));
  let order = [1, true];
  headings.forEach((text, column) => {
    const cell = html("th", head, text);
    cell.setAttribute("role", "button");
    cell.tabIndex = 0;
    const sort = () => {
      order = [column, order[0] !== column || !order[1]];
      list();
    };
    cell.addEventListener("click", sort);
    cell.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
  });
  const body = html("tbody", table);
  const more = html("p", root, "", "small");
  if (data.every > 1) html("p", root, `Of every ${data.every} trials one is here.`, "small");

  const key = (trial, column) => column === 0 ? trial.title
    : column === 1 ? trial.validation : column === 2 ? trial.test : trial.values[column - 3];

  function choose(trial, keep) {
    if (keep) chosen = trial;
    info.textContent = `${trial.title}: ${told(trial)}`;
    curve.replaceChildren();
    for (const old of plot.querySelectorAll(".ring")) old.remove();
    const point = shown.find(one => one.trial === trial);
    if (point) svg("circle", {class: "ring", cx: point.x, cy: point.y, r: 7}, plot);
    for (const row of body.rows) row.classList.toggle("chosen", row.trial === trial);
    const [steps, values] = trial.curve.length ? trial.curve : [[], []];
    const known = values.map((value, i) => [steps[i], value]).filter(pair => pair[1] !== null);
    if (known.length < 2) return;
    const x = scale(known.map(pair => pair[0]), false);
    const y = scale(known.map(pair => pair[1]), !data.maximize);
    axes(curve, x, y, width, 150);
    const at = ([step, value]) =>
      `${left + x(step) * (width - left - right)},${150 - bottom - y(value) * (150 - top - bottom)}`;
    svg("polyline", {points: known.map(at).join(" "), stroke: data.optimizers[trial.of].colour},
        curve);
    svg("text", {x: width / 2, y: 146, "text-anchor": "middle"}, curve,
        `${data.metric} of ${trial.title} against steps`);
  }

  function draw() {
    plot.replaceChildren();
    shown = [];
    const visible = trials.filter(trial => !hidden.has(trial.of) && trial.values[ofX] != null);
    if (!visible.length) return;
    const x = scale(visible.map(trial => trial.values[ofX]), data.logs.includes(data.names[ofX]));
    const y = scale(visible.map(trial => trial.validation), !data.maximize);
    axes(plot, x, y, width, height);
    svg("text", {x: width / 2, y: height - 4, "text-anchor": "middle"}, plot, data.names[ofX]);
    svg("text", {x: left + 4, y: top + 8}, plot, data.metric);
    const worst = data.maximize ? 0 : 1;
    for (const trial of visible) {
      const u = trial.validation === null ? worst : y(trial.validation);
      const point = {
        trial,
        x: left + x(trial.values[ofX]) * (width - left - right),
        y: height - bottom - u * (height - top - bottom),
      };
      shown.push(point);
      const colour = data.optimizers[trial.of].colour;
      if (trial.validation === null) {
        svg("path", {class: "diverged", stroke: colour,
                     d: `M${point.x - 3},${point.y - 3}l6,6m0,-6l-6,6`}, plot);
      } else {
        svg("circle", {class: "point", cx: point.x, cy: point.y, r: 3.5, fill: colour}, plot);
      }
    }
    if (chosen) choose(chosen, true);
  }

  function nearest(event) {
    const box = plot.getBoundingClientRect();
    const zoom = width / box.width;
    const [x, y] = [(event.clientX - box.left) * zoom, (event.clientY - box.top) * zoom];
    let best = null;
    let least = 24;  // in the plot's unit: a finger's width on a phone
    for (const point of shown) {
      const distance = Math.hypot(point.x - x, point.y - y);
      if (distance < least) [best, least] = [point.trial, distance];
    }
    return best;
  }
  plot.addEventListener("pointermove", event => {
    const trial = event.pointerType === "mouse" && nearest(event);
    if (trial) choose(trial, false);
  });
  plot.addEventListener("pointerleave", () => { if (chosen) choose(chosen, true); });
  plot.addEventListener("click", event => {
    const trial = nearest(event);
    if (trial) choose(trial, true);
  });

  function matches(trial, text) {
    return text.split(/\s*(?:,|\band\b)\s*/).filter(Boolean).every(part => {
      const found = part.match(/^([^\s<>=]+)\s*(<=|>=|<|>|=)\s*(\S+)$/);
      if (!found) return trial.title.toLowerCase().includes(part.toLowerCase());
      const column = headings.indexOf(found[1]);
      const value = column < 0 ? null : key(trial, column);
      const limit = Number(found[3]);
      if (value === null || Number.isNaN(limit)) return false;
      return {"<": value < limit, ">": value > limit, "<=": value <= limit,
              ">=": value >= limit, "=": value === limit}[found[2]];
    });
  }

  function list() {
    const found = trials.filter(trial => !hidden.has(trial.of) && matches(trial, search.value));
    const [column, up] = order;
    const better = column === 1 || column === 2 ? data.maximize : false;
    found.sort((a, b) => {
      const [one, other] = [key(a, column), key(b, column)];
      if (one === null || other === null) return (one === null) - (other === null);
      const sign = up !== better ? 1 : -1;
      return sign * (typeof one === "number" ? one - other
                     : one.localeCompare(other, undefined, {numeric: true}));
    });
    body.replaceChildren();
    for (const trial of found.slice(0, 50)) {
      const row = html("tr", body);
      row.trial = trial;
      row.tabIndex = 0;
      row.classList.toggle("chosen", trial === chosen);
      const test = trial.test === null && trial.validation !== null ? "-" : result(trial.test);
      [trial.title, result(trial.validation), test,
       ...trial.values.map(short)].forEach(text => html("td", row, text));
      row.addEventListener("click", () => choose(trial, true));
      row.addEventListener("keydown", event => { if (event.key === "Enter") choose(trial, true); });
    }
    more.textContent = found.length > 50 ? `50 of ${found.length} trials; search for others.` : "";
  }
  if (!data.names.length) [label, plot].forEach(element => element.remove());
  root.hidden = false;
  draw();
  list();
}
