// What pages do beyond showing: times in the reader's zone, and lines that can be copied. Everything works without it.

function inReadersZone(root) {
  const format = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  for (const each of root.querySelectorAll("time[datetime]:not([title])")) {
    each.title = each.textContent;
    each.textContent = format.format(new Date(each.dateTime));
  }
}

function copyable(root) {
  if (!navigator.clipboard) return;
  for (const lines of root.querySelectorAll("pre.copy:not([data-copy])")) {
    lines.dataset.copy = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copies";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(lines.textContent);
      button.textContent = "Copied";
    });
    lines.before(button);
  }
}

// What somebody opened stays open when the page renews that part of itself.
const opened = new Set();

function keepOpen(root) {
  for (const each of root.querySelectorAll("details[id]:not([data-kept])")) {
    each.dataset.kept = "";
    if (opened.has(each.id)) each.open = true;
    each.addEventListener("toggle", () => (each.open ? opened.add(each.id) : opened.delete(each.id)));
  }
}

function prepare() {
  keepOpen(document);
  inReadersZone(document);
  copyable(document);
}

prepare();
// What is swapped in later needs the same.
new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
