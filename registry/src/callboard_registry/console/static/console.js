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

// What somebody opened or closed stays so when the page renews that part of itself. It is said of what comes before it
// is swapped in: htmx settles the attributes of elements with ids to those they came with.
function keepOpen(event) {
  for (const { fragment } of event.detail.tasks) {
    for (const each of fragment.querySelectorAll("details[id]")) {
      const shown = document.getElementById(each.id);
      if (shown) each.open = shown.open;
    }
  }
}

function prepare() {
  inReadersZone(document);
  copyable(document);
}

document.addEventListener("htmx:before:swap", keepOpen);
prepare();
// What is swapped in later needs the same.
new MutationObserver(prepare).observe(document.body, { childList: true, subtree: true });
