// Keeps a page as new as the board is: only what changed is replaced, so that focus, selection,
// scroll and open details stay. Without it, pages are read again every half minute.
(() => {
  "use strict";

  // The reader's own time, beside UTC where it is another.
  const zone = new Intl.DateTimeFormat(undefined, { timeZoneName: "short" });
  const local = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
  const addLocalTimes = (root) => {
    if (new Date().getTimezoneOffset() === 0) return;
    for (const time of root.querySelectorAll("time:not([title])")) {
      const date = new Date(time.dateTime);
      time.title = `${local.format(date)} here`;
      const own = document.createElement("span");
      own.className = "local";
      own.textContent = ` (${local.format(date)} here)`;
      if (!time.closest("table, a")) time.append(own);
    }
    for (const place of root.querySelectorAll("[data-zone]")) {
      const name = zone.formatToParts(new Date()).find((part) => part.type === "timeZoneName");
      place.textContent = `, and ${name ? name.value : "your own"}`;
    }
  };

  const source = new Map();
  const remember = (root) => {
    for (const part of root.querySelectorAll("[data-live]")) source.set(part.id, part.outerHTML);
  };

  const replace = (part, fresh) => {
    const focused = part.contains(document.activeElement) ? document.activeElement.id : "";
    const open = [...part.querySelectorAll("details[open][id]")].map((each) => each.id);
    const scrolled = [part, ...part.querySelectorAll(".scroll[id]")]
      .map((each) => [each.id, each.scrollLeft]);
    part.replaceWith(fresh);
    for (const id of open) document.getElementById(id)?.setAttribute("open", "");
    for (const [id, left] of scrolled) {
      const again = document.getElementById(id);
      if (again) again.scrollLeft = left;
    }
    if (focused) document.getElementById(focused)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    for (const fresh of page.querySelectorAll("[data-live]")) {
      const part = document.getElementById(fresh.id);
      if (!part || source.get(fresh.id) === fresh.outerHTML) continue;
      source.set(fresh.id, fresh.outerHTML);
      addLocalTimes(fresh);
      replace(part, fresh);
    }
    document.title = page.title;
    const icon = page.getElementById("icon").getAttribute("href");
    const shown = document.getElementById("icon");
    if (shown.getAttribute("href") !== icon) shown.setAttribute("href", icon);
  };

  // What was just done is said once, not again by a page that is read anew or kept as a bookmark.
  if (document.getElementById("done")) history.replaceState(null, "", location.pathname);
  remember(document);
  addLocalTimes(document);
  const seconds = Number(document.body.dataset.refresh);
  if (seconds > 0) {
    let waiting = false;
    setInterval(async () => {
      if (waiting || document.hidden) return;
      waiting = true;
      try {
        await refresh();
      } catch {
        // The board is away: what is shown says since when it is known.
      } finally {
        waiting = false;
      }
    }, seconds * 1000);
  }
})();
