// Before anything is drawn, so that the page does not flash: a theme that was chosen goes before the system's.
try {
  const theme = localStorage.getItem("theme");
  if (theme === "light" || theme === "dark") document.documentElement.dataset.theme = theme;
} catch {
  // Storage that is switched off: the system's theme.
}
