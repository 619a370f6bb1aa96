"""."""
from flask import Blueprint

pages = Blueprint("pupils", __name__)
