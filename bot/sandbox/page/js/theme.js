// Loaded before the first paint, so that a chosen theme never flashes.
(() => {
  const key = "qidesk.theme";
  const chosen = localStorage.getItem(key);
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;

  window.theme = {
    isDark() {
      const chosen = document.documentElement.dataset.theme;
      return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    },
    toggle() {
      const next = this.isDark() ? "light" : "dark";
      document.documentElement.dataset.theme = next;
      localStorage.setItem(key, next);
    },
  };
})();
