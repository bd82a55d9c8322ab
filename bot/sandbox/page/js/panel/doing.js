// A button that does one thing in the sandbox and shows that it is under way.

import { el } from "../dom.js";
import { complain, toast } from "../toast.js";

/** `act` may answer with a sentence that is then shown. */
export function doing(what, label, act, props = {}) {
  const button = el(`button.button.${what}`, { type: "button", ...props }, label);
  button.addEventListener("click", async () => {
    button.setAttribute("aria-busy", "true");
    button.disabled = true;
    try {
      const done = await act();
      if (typeof done === "string") toast(done);
    } catch (problem) {
      complain(problem);
    }
    button.disabled = false;
    button.removeAttribute("aria-busy");
  });
  return button;
}
