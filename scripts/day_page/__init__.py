"""How the page of a day looks: HTML and SVG out of the facts of replay/day_page.

    page.py              the whole page, from page.html.jinja and style.css
    words.py             amounts, counts, times and the ledger's words as a person reads them
    attention.py         what waits for a person
    time_axis.py         a period as a horizontal axis: hours and windows in Chicago
    plot.py              one plot: a scale, its grid, shapes that stretch with the screen
    cash_call_chart.py quote_chart.py    the two charts over time
    flow_picture.py      who paid whom, one picture per funding model

Amounts are exact. Floats are pixels only: a bar's width, a line's place.
"""
