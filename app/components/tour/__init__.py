"""The tour of a first visit: five steps over the real pages, in the sidebar under the page list, where it covers nothing."""

from __future__ import annotations

from app.components import component

# each: the view that the step opens, the title of its page, and what to do there
STEPS = (
    ("home", "Home", "Drag a slider: each moves one number of a code, and a network draws what that code means."),
    ("sliders", "Sliders", "All numbers of the code, most used first. The strip under each shows where it leads."),
    ("map", "Latent map", "Every dot is an image, where the network put it. Click a dot to look closer, or a gap to see what lies there."),
    ("train", "Train", "Choose images and settings, press Start, and watch a model of your own learn."),
    ("uses", "Uses", "What such models are good for, each beside what does the same without one. Tour, here, begins again."),
)  # fmt: skip

_mount = component(
    "tour",
    """
<section class="tour" aria-label="tour">
  <button type="button" data-do="open" aria-expanded="false">Tour</button>
  <div class="step" hidden>
    <p role="status"><b></b> <span></span></p>
    <div class="row"><button type="button" data-do="back">Back</button>
      <button type="button" data-do="next">Next</button>
      <button type="button" data-do="skip">Skip</button></div>
  </div>
</section>
""",
)


def tour() -> str:
    """Show it, opened on a first visit. The view that it was asked to open just now, else an empty string.

    Whether it was seen, and the step, stay in the browser (localStorage): the server learns neither.
    """
    steps = [{"view": view, "title": title, "text": text} for view, title, text in STEPS]
    found = _mount(key="tour", data={"steps": steps}, on_go_change=lambda: None)
    asked = str(found.go or "")
    return asked if asked in {view for view, _, _ in STEPS} else ""
