"""."""
from flask import Blueprint

pages = Blueprint("recording", __name__)
