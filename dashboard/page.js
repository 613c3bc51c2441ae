// What Streamlit can't be told. It has tests in tests/browser.
if (!window.isEntryAPage) {
  window.isEntryAPage = true;

  // Streamlit opens a page with all that the last one had in the link, and takes out what has no
  // control there in a second entry of the history: Back would stop between two pages. Here an entry
  // is a page; what changes on it changes its link. A link that comes after a page was left, and
  // before the next one has its entry, is the next one's.
  const push = history.pushState;
  let nextPath = null;
  let nextSearch = null;
  const stay = () => (nextPath = nextSearch = null);
  document.addEventListener("click", (event) => {
    stay();
    const link = event.target.closest("a");
    // Streamlit goes to a page without the browser.
    const isToAPage = event.defaultPrevented && link?.pathname;
    if (isToAPage && link.pathname !== location.pathname) nextPath = link.pathname;
  });
  window.addEventListener("popstate", stay);
  history.pushState = (state, unused, url) => {
    const { pathname, search } = new URL(url, location.href);
    if (pathname === location.pathname) {
      if (nextPath === null) history.replaceState(state, unused, url);
      else nextSearch = search;
      return;
    }
    push.call(history, state, unused, url);
    if (pathname !== nextPath) return;
    if (nextSearch !== null) history.replaceState(state, unused, pathname + nextSearch);
    stay();
  };

  // Links may say /home and present=1; Streamlit knows neither.
  const known = new URL(location.href);
  known.pathname = known.pathname.replace(/\/home$/, "/");
  if (known.searchParams.get("present") === "1") known.searchParams.set("present", "true");
  if (known.href !== location.href) {
    history.replaceState(null, "", known);
    window.dispatchEvent(new PopStateEvent("popstate"));
  }

  // A button is disabled while its file is made, and gives up the focus: a dialog then hears no key.
  let focused = null;
  document.addEventListener("focusin", (event) => (focused = event.target));
  document.addEventListener(
    "keydown",
    (event) => {
      const dialog = document.querySelector("[role=dialog]");
      if (!dialog || document.activeElement !== document.body) return;
      (dialog.contains(focused) ? focused : dialog).focus();
      if (event.key === "Escape") dialog.querySelector("[aria-label=Close]").click();
    },
    true,
  );
}
