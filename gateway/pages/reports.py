"""."""
from flask import Blueprint

pages = Blueprint("reports", __name__)
