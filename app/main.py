"""The page table and the run picker, nothing else."""

import sys
from pathlib import Path

if str(Path(__file__).parent.parent) not in sys.path:
    sys.path.insert(0, str(Path(__file__).parent.parent))

import streamlit as st

from app import boundary, layout
from app.components.server_watch import server_watch
from app.components.tour import tour
from app.services import warm_up
from app.state import session
from app.widgets import run_picker
from vae_core.places import assets

PAGES = [
    st.Page("views/home.py", title="Home", icon=":material/home:", url_path="", default=True),
    st.Page("views/learn/page.py", title="Learn", icon=":material/school:", url_path="learn"),
    st.Page("views/train/page.py", title="Train", icon=":material/model_training:", url_path="train"),
    st.Page("views/compare/page.py", title="Compare", icon=":material/compare:", url_path="compare"),
    st.Page("views/map/page.py", title="Latent map", icon=":material/scatter_plot:", url_path="map"),
    st.Page("views/sliders.py", title="Sliders", icon=":material/tune:", url_path="sliders"),
    st.Page(
        "views/interpolate/page.py", title="Interpolate", icon=":material/timeline:", url_path="interpolate"
    ),
    st.Page("views/tune/page.py", title="Tune", icon=":material/query_stats:", url_path="tune"),
    st.Page("views/uses/page.py", title="Uses", icon=":material/handyman:", url_path="uses"),
    st.Page("views/glossary.py", title="Glossary", icon=":material/menu_book:", url_path="glossary"),
]
# what links of before lead to; each opens the page that has it now
MOVED = [st.Page("views/beta.py", title="β", icon=":material/balance:", url_path="beta")]

st.set_page_config(
    page_title="Latent Explorer", page_icon=str(assets() / "logo.svg"), layout="wide",
    initial_sidebar_state=layout.SIDEBAR,
)  # fmt: skip
layout.apply()
page = st.navigation([*PAGES, *MOVED], position="hidden")
session.sync_run()
st.logo(str(assets() / "wordmark.svg"), icon_image=str(assets() / "logo.svg"), size="large")
with st.sidebar:
    run_picker.show()
    for entry in PAGES:
        label = entry.title
        st.page_link(entry, label=label, query_params=session.with_run())
    toured = tour()
    server_watch()
if toured:
    session.go(toured)
try:
    page.run()
    layout.tables()
except Exception as error:
    # Streamlit's own control flow (rerun, stop) is no Exception subclass that ends here
    boundary.show(error)
warm_up.first_page.set()
