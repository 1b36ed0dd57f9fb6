"""Fills a mail with Jinja2, which comes in the archive: pip install -r requirements.txt -t ."""
from jinja2 import DictLoader, Environment, select_autoescape

TEMPLATES = {"order.html": """<h1>Thank you, {{ name }}</h1>
<ul>
{%- for item in items %}
<li>{{ item.count }} x {{ item.title }}: {{ "%.2f"|format(item.count * item.price) }}</li>
{%- endfor %}
</ul>"""}
environment = Environment(loader=DictLoader(TEMPLATES), autoescape=select_autoescape())


def handler(event, context):
    return {"html": environment.get_template("order.html").render(**event)}
