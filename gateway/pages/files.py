"""."""
from flask import Blueprint

pages = Blueprint("files", __name__)
