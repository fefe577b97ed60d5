// Sorts a table by the column whose heading is clicked: numbers by their value, "-" last.
for (const head of document.querySelectorAll("th")) {
  const sort = () => {
    const body = head.closest("table").tBodies[0];
    const up = head.getAttribute("aria-sort") !== "ascending";
    const column = head.cellIndex;
    const key = row => {
      const text = row.cells[column].textContent.trim();
      const number = parseFloat(text.replace(/,(?=\d{3})/g, "").replace(/^\[/, ""));
      return [text === "-" ? 2 : Number.isNaN(number) ? 1 : 0, number, text];
    };
    const rows = Array.from(body.rows, row => [key(row), row]);
    rows.sort(([a], [b]) => {
      const order = a[0] === 0 ? a[1] - b[1] : a[2].localeCompare(b[2]);
      return a[0] - b[0] || (up ? order : -order);
    });
    for (const [, row] of rows) body.append(row);
    for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", up ? "ascending" : "descending");
  };
  head.setAttribute("role", "button");
  head.tabIndex = 0;
  head.addEventListener("click", sort);
  head.addEventListener("keydown", event => {
    if (event.key === "Enter" || event.key === " ") { event.preventDefault(); sort(); }
  });
}
