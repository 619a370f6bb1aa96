"""."""
from flask import Blueprint

pages = Blueprint("corrections", __name__)
